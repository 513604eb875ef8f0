// swift-tools-version: 6.2

import PackageDescription

// In a package of your own this is one line, by version:
//     .package(url: "https://…/foretoken.git", from: "0.0.1")
// Here it is the checkout around this folder, or the repository that FORETOKEN_REPOSITORY names.
let foretoken: Package.Dependency =
    if let repository = Context.environment["FORETOKEN_REPOSITORY"] {
        .package(url: repository, from: "0.0.1")
    } else {
        .package(name: "foretoken", path: "../..")
    }

let package = Package(
    name: "RunModel",
    dependencies: [foretoken],
    targets: [
        .executableTarget(
            name: "RunModel",
            dependencies: [
                .product(name: "ForetokenDecoding", package: "foretoken")
            ])
    ]
)
