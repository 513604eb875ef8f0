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

func library(_ name: String, dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings,
        linkerSettings: runtimePath)
}

let package = Package(
    name: "Foretoken",
    products: [
        .library(name: "Torch", targets: ["Torch"]),
        .library(name: "ForetokenFiles", targets: ["ForetokenFiles"]),
        .library(name: "ForetokenFormats", targets: ["ForetokenFormats"]),
        .library(name: "ForetokenText", targets: ["ForetokenText"]),
        .library(name: "ForetokenReport", targets: ["ForetokenReport"]),
        .library(name: "ForetokenModel", targets: ["ForetokenModel"]),
        .library(name: "ForetokenTraining", targets: ["ForetokenTraining"]),
        .library(name: "ForetokenDecoding", targets: ["ForetokenDecoding"]),
        .library(name: "ForetokenEvaluation", targets: ["ForetokenEvaluation"]),
        .executable(name: "foretoken", targets: ["foretoken"]),
    ],
    traits: [
        .trait(
            name: "SentencePiece",
            description: "Tokenizers of SentencePiece, by the system's library (libsentencepiece-dev)")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    ],
    targets: [
        .systemLibrary(name: "CLibTorch", pkgConfig: "libtorch"),
        .target(
            name: "CTorch", dependencies: ["CLibTorch"],
            cxxSettings: [.headerSearchPath("Distributed/GlooInterface")]),
        .target(name: "CCompression", linkerSettings: [.linkedLibrary("dl")]),
        library("ForetokenFiles", dependencies: ["CCompression"]),
        library("ForetokenFormats", dependencies: ["ForetokenFiles"]),
        library("Torch", dependencies: ["CTorch", "ForetokenFiles", "ForetokenFormats"]),
        // Empty without the trait.
        .target(
            name: "CSentencePiece",
            cxxSettings: [.define("FORETOKEN_SENTENCEPIECE", .when(traits: ["SentencePiece"]))],
            linkerSettings: [.linkedLibrary("sentencepiece", .when(traits: ["SentencePiece"]))]),
        library(
            "ForetokenText",
            dependencies: [
                "ForetokenFiles", .target(name: "CSentencePiece", condition: .when(traits: ["SentencePiece"])),
            ]),
        library("ForetokenReport", dependencies: []),
        library("ForetokenModel", dependencies: ["ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText"]),
        library(
            "ForetokenTraining",
            dependencies: [
                "ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText", "ForetokenReport", "ForetokenModel",
                .product(name: "Yams", package: "Yams"),
            ]),
        library(
            "ForetokenDecoding",
            dependencies: ["ForetokenFiles", "ForetokenFormats", "CTorch", "Torch", "ForetokenText", "ForetokenModel"]),
        library(
            "ForetokenEvaluation",
            dependencies: [
                "ForetokenFiles", "Torch", "ForetokenText", "ForetokenReport", "ForetokenModel", "ForetokenDecoding",
            ]),
        .executableTarget(
            name: "foretoken",
            dependencies: [
                "ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText", "ForetokenReport", "ForetokenModel",
                "ForetokenTraining", "ForetokenDecoding", "ForetokenEvaluation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings, linkerSettings: runtimePath),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swiftSettings),
        tests("CTorchTests", dependencies: ["CTorch"]),
        tests("ForetokenFilesTests", dependencies: ["ForetokenFiles", "TestSupport"]),
        tests(
            "ForetokenFormatsTests", dependencies: ["ForetokenFiles", "ForetokenFormats", "TestSupport", "Torch"],
            resources: [.copy("Fixtures")]),
        tests("TorchTests", dependencies: ["CTorch", "Torch", "ForetokenFormats"]),
        tests("FuzzTests", dependencies: ["ForetokenFiles", "ForetokenFormats", "Torch", "ForetokenText"]),
        tests(
            "ForetokenTextTests", dependencies: ["ForetokenText", "ForetokenFiles", "TestSupport"],
            resources: [.copy("Fixtures")]),
        tests("ForetokenReportTests", dependencies: ["ForetokenReport"], resources: [.copy("Fixtures")]),
        tests(
            "ForetokenModelTests",
            dependencies: ["ForetokenFiles", "ForetokenFormats", "ForetokenModel", "ForetokenText", "Torch"],
            resources: [.copy("Fixtures")]),
        tests(
            "ForetokenTrainingTests",
            dependencies: [
                "CTorch", "ForetokenFiles", "ForetokenFormats", "ForetokenTraining", "ForetokenModel", "ForetokenText",
                "ForetokenReport", "TestSupport", "Torch",
            ]),
        tests(
            "ForetokenDecodingTests",
            dependencies: [
                "CTorch", "ForetokenDecoding", "ForetokenFiles", "ForetokenFormats", "ForetokenModel", "ForetokenText",
                "ForetokenTraining", "Torch",
            ]),
        tests(
            "ForetokenEvaluationTests",
            dependencies: [
                "ForetokenEvaluation", "ForetokenDecoding", "ForetokenFiles", "ForetokenModel", "ForetokenReport",
                "ForetokenText", "Torch",
            ]),
        tests(
            "CommandTests",
            dependencies: [
                "foretoken", "ForetokenFiles", "ForetokenFormats", "ForetokenText", "ForetokenModel", "ForetokenReport",
                "Torch",
            ]),
    ],
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
