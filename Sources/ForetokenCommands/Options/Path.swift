package import ArgumentParser
package import Foundation

/// A file or folder on the command line. An empty path is refused: it would mean the current folder.
package struct Path: ExpressibleByArgument {
    package let text: String
    package var url: URL { URL(fileURLWithPath: text) }

    package init?(argument: String) {
        if argument.isEmpty { return nil }
        text = argument
    }

    package static var defaultCompletionKind: CompletionKind { .file() }
}

/// Refuses a number outside its bounds as wrong usage; nil passes.
package func require(_ value: Int?, _ option: String, in bounds: ClosedRange<Int>) throws {
    guard let value, !bounds.contains(value) else { return }
    throw ValidationError(
        "\(option) \(value): must be "
            + (bounds.upperBound == .max
                ? "at least \(bounds.lowerBound)" : "\(bounds.lowerBound) to \(bounds.upperBound)"))
}

/// The numbers of an option that takes several, separated by commas; nil if a part is not a number.
package func numbers<Number: LosslessStringConvertible>(_ text: String) -> [Number]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: false).map { Number(String($0)) }
    let numbers = parts.compactMap(\.self)
    return numbers.count == parts.count ? numbers : nil
}
