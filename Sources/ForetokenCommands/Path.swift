package import ArgumentParser
package import Foundation

/// A file or folder on the command line; an empty one would mean the current folder.
package struct Path: ExpressibleByArgument {
    package let text: String
    package var url: URL { URL(fileURLWithPath: text) }

    package init?(argument: String) {
        if argument.isEmpty { return nil }
        text = argument
    }

    package static var defaultCompletionKind: CompletionKind { .file() }
}

/// Refuses a number outside its bounds as bad usage.
package func require(_ value: Int?, _ option: String, in bounds: ClosedRange<Int>) throws {
    guard let value, !bounds.contains(value) else { return }
    throw ValidationError(
        "\(option) \(value): must be "
            + (bounds.upperBound == .max
                ? "at least \(bounds.lowerBound)" : "\(bounds.lowerBound) to \(bounds.upperBound)"))
}
