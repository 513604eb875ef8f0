// A program of your own that runs a model: no LibTorch, nothing but Swift's own libraries.

import ForetokenDecoding

// `import Foundation` works as well; it makes a static program 40 MB larger.
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

if CommandLine.arguments.count == 3 {
    let model = try LanguageModel(folder: URL(fileURLWithPath: CommandLine.arguments[1]))
    for try await pieces in try await model.stream(CommandLine.arguments[2], maximumTokens: 120) {
        print(pieces.map(\.text).joined(), terminator: "")
    }
    print()
} else {
    print("usage: RunModel FOLDER PROMPT")
}
