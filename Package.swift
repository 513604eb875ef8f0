// swift-tools-version: 6.2

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

// Only executables and tests find LibTorch by an rpath: no library target carries unsafe flags, so that other packages
// can depend on Foretoken by version.
let runtimePath: [LinkerSetting] = [
    .unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", Context.packageDirectory + "/.libtorch/current/lib"])
]

func library(_ name: String, dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

func tests(_ name: String, dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings,
        linkerSettings: runtimePath)
}

/// What only the server needs, and nobody fetches or builds without its trait.
func server(_ product: String, _ package: String) -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: ["Server"]))
}

let package = Package(
    name: "Foretoken",
    // Linux is what is tested; on a Mac, what needs no LibTorch is meant to build.
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Torch", targets: ["Torch"]),
        .library(name: "ForetokenPlatform", targets: ["ForetokenPlatform"]),
        .library(name: "ForetokenFiles", targets: ["ForetokenFiles"]),
        .library(name: "ForetokenFormats", targets: ["ForetokenFormats"]),
        .library(name: "ForetokenText", targets: ["ForetokenText"]),
        .library(name: "ForetokenReport", targets: ["ForetokenReport"]),
        .library(name: "ForetokenModel", targets: ["ForetokenModel"]),
        .library(name: "ForetokenTraining", targets: ["ForetokenTraining"]),
        .library(name: "ForetokenDecoding", targets: ["ForetokenDecoding"]),
        .library(name: "ForetokenDistributed", targets: ["ForetokenDistributed"]),
        .library(name: "ForetokenStudies", targets: ["ForetokenStudies"]),
        .library(name: "ForetokenDevices", targets: ["ForetokenDevices"]),
        .library(name: "ForetokenEvaluation", targets: ["ForetokenEvaluation"]),
        .library(name: "ForetokenServing", targets: ["ForetokenServing"]),
        .executable(name: "foretoken", targets: ["foretoken"]),
        .executable(name: "foretoken-torch", targets: ["foretoken-torch"]),
        .executable(name: "foretoken-server", targets: ["foretoken-server"]),
    ],
    traits: [
        .trait(
            name: "SentencePiece",
            description: "Tokenizers of SentencePiece, by the system's library (libsentencepiece-dev)"),
        .trait(name: "Server", description: "The web server of foretoken-server, by Hummingbird and SwiftNIO"),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-async-algorithms.git", from: "1.1.4"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
    ],
    targets: [
        .target(name: "CKernels"),
        .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
        .target(
            name: "CTorch", dependencies: ["CKernels", "CLibTorch"],
            cxxSettings: [
                .headerSearchPath("Distributed/GlooInterface"),
                // LibTorch's headers then include the operators that they use, not all.
                .define("AT_PER_OPERATOR_HEADERS"),
            ]),
        .target(name: "CCompression", linkerSettings: [.linkedLibrary("dl")]),
        library("ForetokenPlatform", dependencies: []),
        library("ForetokenFiles", dependencies: ["CCompression", "ForetokenPlatform"]),
        library("ForetokenFormats", dependencies: ["ForetokenFiles", "ForetokenPlatform"]),
        library("Torch", dependencies: ["CKernels", "CTorch", "ForetokenFiles", "ForetokenFormats"]),
        // Empty without the trait.
        .target(
            name: "CSentencePiece",
            cxxSettings: [.define("FORETOKEN_SENTENCEPIECE", .when(traits: ["SentencePiece"]))],
            linkerSettings: [.linkedLibrary("sentencepiece", .when(traits: ["SentencePiece"]))]),
        library(
            "ForetokenText",
            dependencies: [
                "ForetokenPlatform", "ForetokenFiles",
                .target(name: "CSentencePiece", condition: .when(traits: ["SentencePiece"])),
            ]),
        library("ForetokenReport", dependencies: []),
        library(
            "ForetokenModel",
            dependencies: ["CKernels", "ForetokenPlatform", "ForetokenFiles", "ForetokenFormats", "ForetokenText"]),
        library(
            "ForetokenTraining",
            dependencies: [
                "ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText", "ForetokenReport", "ForetokenModel",
                .product(name: "Yams", package: "Yams"),
            ]),
        library(
            "ForetokenDecoding",
            dependencies: [
                "CKernels", "ForetokenPlatform", "ForetokenFiles", "ForetokenFormats", "ForetokenText",
                "ForetokenModel",
            ]),
        library(
            "ForetokenDistributed",
            dependencies: ["ForetokenFiles", "ForetokenReport", "ForetokenTraining", "Torch"]),
        library(
            "ForetokenStudies",
            dependencies: [
                "ForetokenFiles", "ForetokenModel", "ForetokenReport", "ForetokenText", "ForetokenTraining",
                .product(name: "Yams", package: "Yams"),
            ]),
        library(
            "ForetokenDevices",
            dependencies: [
                "CKernels", "CTorch", "Torch", "ForetokenFormats", "ForetokenText", "ForetokenModel",
                "ForetokenDecoding",
            ]),
        library(
            "ForetokenEvaluation",
            dependencies: [
                "ForetokenFiles", "ForetokenText", "ForetokenReport", "ForetokenModel", "ForetokenDecoding",
            ],
            // Compiled in, so that a program is one file.
            resources: [
                "limits", "values", "classes", "exchange", "names", "program", "judge", "calls", "evalplus",
                "standard_input",
            ].map { .embedInCode("Code/Harness/\($0).py") }),
        library(
            "ForetokenServing",
            dependencies: [
                "ForetokenPlatform", "ForetokenFiles", "ForetokenText", "ForetokenModel", "ForetokenDecoding",
                server("AsyncAlgorithms", "swift-async-algorithms"), server("Hummingbird", "hummingbird"),
                server("HummingbirdTLS", "hummingbird"), server("HTTPTypes", "swift-http-types"),
                server("CoreMetrics", "swift-metrics"), server("Logging", "swift-log"), server("NIOCore", "swift-nio"),
                server("NIOHTTPTypes", "swift-nio-extras"),
                server("NIOSSL", "swift-nio-ssl"),
                server("ServiceLifecycle", "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "foretoken-server",
            dependencies: [
                "ForetokenPlatform", "ForetokenFiles", "ForetokenModel", "ForetokenDecoding", "ForetokenServing",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                server("Hummingbird", "hummingbird"), server("Logging", "swift-log"), server("NIOSSL", "swift-nio-ssl"),
                server("Metrics", "swift-metrics"), server("NIOCore", "swift-nio"),
                server("ServiceLifecycle", "swift-service-lifecycle"),
                server("UnixSignals", "swift-service-lifecycle"),
            ], swiftSettings: swiftSettings),
        library(
            "ForetokenCommands",
            dependencies: [
                "ForetokenFiles", "ForetokenFormats", "ForetokenText", "ForetokenReport", "ForetokenModel",
                "ForetokenDecoding", "ForetokenEvaluation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ]),
        // Without LibTorch.
        .executableTarget(name: "foretoken", dependencies: ["ForetokenCommands"], swiftSettings: swiftSettings),
        .executableTarget(
            name: "foretoken-torch",
            dependencies: [
                "ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText", "ForetokenReport", "ForetokenModel",
                "ForetokenTraining", "ForetokenDistributed", "ForetokenStudies", "ForetokenDecoding",
                "ForetokenDevices", "ForetokenEvaluation",
                "ForetokenCommands",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings, linkerSettings: runtimePath),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
        tests("CKernelsTests", dependencies: ["CKernels"]),
        tests("CTorchTests", dependencies: ["CKernels", "CTorch"]),
        tests("ForetokenFilesTests", dependencies: ["ForetokenFiles", "TestSupport"]),
        tests(
            "ForetokenFormatsTests", dependencies: ["ForetokenFiles", "ForetokenFormats", "TestSupport", "Torch"],
            resources: [.copy("Fixtures")]),
        tests("TorchTests", dependencies: ["CKernels", "CTorch", "Torch", "ForetokenFormats"]),
        tests("FuzzTests", dependencies: ["ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText"]),
        tests(
            "ForetokenTextTests", dependencies: ["ForetokenText", "ForetokenFiles", "TestSupport"],
            resources: [.copy("Fixtures")]),
        tests("ForetokenReportTests", dependencies: ["ForetokenReport"], resources: [.copy("Fixtures")]),
        tests(
            "ForetokenModelTests",
            dependencies: [
                "ForetokenFiles", "ForetokenFormats", "ForetokenModel", "ForetokenText", "ForetokenTraining", "Torch",
            ],
            resources: [.copy("Fixtures")]),
        tests(
            "ForetokenTrainingTests",
            dependencies: [
                "CTorch", "ForetokenFiles", "ForetokenFormats", "ForetokenTraining", "ForetokenDistributed",
                "ForetokenStudies", "ForetokenModel", "ForetokenText", "ForetokenReport", "TestSupport", "Torch",
            ]),
        tests(
            "ForetokenDecodingTests",
            dependencies: [
                "CKernels", "CTorch", "ForetokenDecoding", "ForetokenDevices", "ForetokenFiles", "ForetokenFormats",
                "ForetokenModel", "ForetokenText", "ForetokenTraining", "Torch",
            ],
            resources: [.copy("Fixtures")]),
        tests(
            "ForetokenEvaluationTests",
            dependencies: [
                "ForetokenEvaluation", "ForetokenDecoding", "ForetokenFiles", "ForetokenModel", "ForetokenReport",
                "ForetokenText", "ForetokenTraining", "Torch",
            ]),
        tests(
            "ForetokenServingTests",
            dependencies: [
                "ForetokenServing", "ForetokenDecoding", "ForetokenFiles", "ForetokenModel", "ForetokenPlatform",
                "ForetokenText", server("CoreMetrics", "swift-metrics"), server("Hummingbird", "hummingbird"),
                server("Logging", "swift-log"),
                server("NIOCore", "swift-nio"), server("NIOPosix", "swift-nio"),
                server("ServiceLifecycle", "swift-service-lifecycle"),
            ], resources: [.copy("Fixtures")]),
        tests(
            "CommandTests",
            dependencies: [
                "foretoken", "foretoken-server", "foretoken-torch", "ForetokenFiles", "ForetokenFormats",
                "ForetokenText",
                "ForetokenModel",
                "ForetokenReport", "ForetokenTraining",
                "Torch",
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
