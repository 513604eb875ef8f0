import ArgumentParser
import Foundation

/// A file or folder on the command line; an empty one would mean the current folder.
struct Path: ExpressibleByArgument {
    let text: String
    var url: URL { URL(fileURLWithPath: text) }

    init?(argument: String) {
        if argument.isEmpty { return nil }
        text = argument
    }

    static var defaultCompletionKind: CompletionKind { .file() }
}

/// Refuses a number outside its bounds as bad usage.
func require(_ value: Int?, _ option: String, in bounds: ClosedRange<Int>) throws {
    guard let value, !bounds.contains(value) else { return }
    throw ValidationError(
        "\(option) \(value): must be "
            + (bounds.upperBound == .max
                ? "at least \(bounds.lowerBound)" : "\(bounds.lowerBound) to \(bounds.upperBound)"))
}
