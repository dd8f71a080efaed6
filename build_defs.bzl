"""The project's C++ rules: warnings are errors, our own code is always linked in.

A binary picks how it takes the system's libraries with `linkstatic`: True for the archives
(agent and CLI: one file that needs only libc), False for the shared objects.
"""

# Readers of what is shared; narrower lists name their packages.
ALL_PROCESSES = [
    "//agent:__subpackages__",
    "//cli:__subpackages__",
    "//common:__subpackages__",
    "//issuer:__subpackages__",
    "//tests:__subpackages__",
    "//validator:__subpackages__",
]

COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
    # Designated initialisers leave the rest at its default on purpose.
    "-Wno-missing-field-initializers",
]

# For targets with failpoints: srcs, copts and deps. The header is theirs alone and the rest is there
# only where failpoints are, so that nothing else is compiled anew for them.
FAILPOINT_SRCS = ["//common/failpoint:failpoint.h"]
FAILPOINT_COPTS = select({
    "//common/failpoint:enabled": ["-DNORROY_FAILPOINTS"],
    "//conditions:default": [],
})
FAILPOINT_DEPS = select({
    "//common/failpoint:enabled": ["//common/failpoint"],
    "//conditions:default": [],
})

# These come after all libraries and before the toolchain's own -lstdc++, which --as-needed drops.
STATIC_LINKOPTS = [
    "-static-libgcc",
    "-Wl,--gc-sections",
    "-l:libstdc++.a",
    "-Wl,--as-needed",
]

def cc_library(name, copts = [], **kwargs):
    native.cc_library(name = name, copts = COPTS + copts, linkstatic = True, **kwargs)

def cc_test(name, copts = [], deps = [], size = "small", **kwargs):
    native.cc_test(
        name = name,
        copts = COPTS + copts,
        size = size,
        deps = deps + ["@system//:gtest_main"],
        **kwargs
    )

def database_test(name, srcs, deps, size = "small", data = []):
    """A contract suite on every database: NAME on SQLite, NAME_on_postgres on a PostgreSQL server.

    The suite is instantiated over sql::TestedKinds() (common/sql/database_kinds.h).
    """
    cc_library(
        name = name + "_suite",
        testonly = True,
        srcs = srcs,
        data = data,
        deps = deps + ["//common/sql:database_kinds", "@system//:gtest"],
        alwayslink = True,
    )
    cc_test(
        name = name,
        size = size,
        deps = [":" + name + "_suite", "//common/sql:tested_on_sqlite"],
    )
    cc_test(
        name = name + "_on_postgres",
        size = "large",
        tags = ["integration"],
        deps = [":" + name + "_suite", "//common/sql:tested_on_postgres"],
    )

def fuzz_target(name, deps, corpus = [], slow = False):
    """NAME.cc (an LLVMFuzzerTestOneInput) as what is run by fuzzer and tests.

    NAME_corpus_test replays the kept corpus (files of the folder NAME_corpus) and things like it; of
    a target that is `slow`, where a run takes milliseconds, little but the corpus. With --config=fuzz,
    NAMEer is the libFuzzer binary, and NAMEer_planted the same with the bug that #ifdef PLANTED
    puts into the twin, which the fuzzer must find. tests/run fuzz runs them all.
    """
    cc_library(name = name, testonly = True, srcs = [name + ".cc"], deps = deps, alwayslink = True)
    cc_library(
        name = name + "_planted",
        testonly = True,
        srcs = [name + ".cc"],
        copts = ["-DPLANTED"],
        tags = ["manual"],
        deps = deps,
        alwayslink = True,
    )
    for suffix in ["", "_planted"]:
        native.cc_binary(
            name = name + "er" + suffix,
            testonly = True,
            linkopts = ["-fsanitize=fuzzer"],
            tags = ["fuzzer", "manual"],
            deps = [name + suffix],
        )
    if corpus:
        cc_test(
            name = name + "_corpus_test",
            srcs = ["//tests/fuzz:corpus_test.cc"],
            data = corpus,
            local_defines = [
                "NORROY_CORPUS='\"%s/%s_corpus\"'" % (native.package_name(), name),
                "NORROY_CUTS=%d" % (0 if slow else 128),
                "NORROY_MUTATIONS=%d" % (2 if slow else 20),
            ],
            # A slow one has one thread, and time enough for one sanitizer.
            tags = ["no-tsan"] if slow else [],
            deps = [":" + name, "//tests/fuzz:replay"],
        )

def cc_binary(name, copts = [], linkopts = [], linkstatic = False, **kwargs):
    """A binary; linkstatic = True needs nothing but libc and libm at run time."""
    native.cc_binary(
        name = name,
        copts = COPTS + copts,
        linkstatic = linkstatic,
        linkopts = linkopts + (STATIC_LINKOPTS if linkstatic else []),
        **kwargs
    )

def _cc_proto_gen_impl(ctx):
    info = ctx.attr.proto[ProtoInfo]
    root = info.proto_source_root
    suffixes = [".pb.h", ".pb.cc"]
    if ctx.attr.grpc:
        suffixes = suffixes + [".grpc.pb.h", ".grpc.pb.cc"]
    outs = []
    names = []
    for src in info.direct_sources:
        name = src.path[len(root) + 1:] if src.path.startswith(root + "/") else src.short_path
        names.append(name)
        for suffix in suffixes:
            outs.append(ctx.actions.declare_file(ctx.attr.dir + "/" + name[:-len(".proto")] + suffix))
    out_root = outs[0].path[:outs[0].path.index("/" + ctx.attr.dir + "/")] + "/" + ctx.attr.dir
    args = ctx.actions.args()
    args.add_all(info.transitive_proto_path, format_each = "-I%s")
    args.add("--cpp_out=" + out_root)
    if ctx.attr.grpc:
        args.add("--plugin=protoc-gen-grpc=" + ctx.executable._plugin.path)
        args.add("--grpc_out=" + out_root)
    args.add_all(names)
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = [args],
        inputs = info.transitive_sources,
        tools = [ctx.executable._plugin],
        outputs = outs,
        mnemonic = "CcProtoGen",
        progress_message = "Generating C++ for %{label}",
    )
    return [
        DefaultInfo(files = depset(outs)),
        OutputGroupInfo(
            hdrs = depset([f for f in outs if f.path.endswith(".h")]),
            srcs = depset([f for f in outs if f.path.endswith(".cc")]),
        ),
    ]

_cc_proto_gen = rule(
    implementation = _cc_proto_gen_impl,
    attrs = {
        "proto": attr.label(providers = [ProtoInfo], mandatory = True),
        "grpc": attr.bool(),
        "dir": attr.string(mandatory = True),
        "_protoc": attr.label(
            default = "@system//:bin/protoc",
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
        "_plugin": attr.label(
            default = "@system//:bin/grpc_cpp_plugin",
            executable = True,
            allow_single_file = True,
            cfg = "exec",
        ),
    },
)

def cc_proto(name, proto, deps = [], grpc = False, **kwargs):
    """C++ messages of one proto_library and, with grpc = True, its stubs.

    Headers are included by the proto's own path: "norroy/types/v1/proof.pb.h".
    """
    dir = "_" + name
    _cc_proto_gen(name = name + "_gen", proto = proto, grpc = grpc, dir = dir)
    native.filegroup(name = name + "_hdrs", srcs = [name + "_gen"], output_group = "hdrs")
    native.filegroup(name = name + "_srcs", srcs = [name + "_gen"], output_group = "srcs")
    native.cc_library(
        name = name,
        srcs = [name + "_srcs"],
        hdrs = [name + "_hdrs"],
        includes = [dir],
        linkstatic = True,
        deps = deps + ["@system//:grpc++" if grpc else "@system//:protobuf"],
        **kwargs
    )
