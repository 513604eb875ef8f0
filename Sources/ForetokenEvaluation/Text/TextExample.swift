import ForetokenFiles
public import Foundation

/// An example whose completion is compared with references: a summary, a short answer, a worked solution.
public struct TextExample: Sendable, Equatable {
    /// The references or accepted answers, at least one.
    public var references: [String]

    /// Creates an example.
    public init(references: [String]) { self.references = references }

    /// The keys under which a line may have its references, in this order.
    static let keys = ["references", "answers", "reference", "answer"]

    /// Reads examples: a JSON object per line with `references`, `answers`, `reference` or `answer`, each a text, a number or
    /// an array of these.
    ///
    /// - Throws: ``EvaluationError``, with file and line.
    public static func read(_ url: URL) throws -> [TextExample] {
        var examples: [TextExample] = []
        try JSONLines.read(url, numbers: .python) { node, _ in
            guard let found = try keys.lazy.compactMap({ try node[$0].ifPresent }).first else {
                throw try node[keys[0]].wrongType("references, answers, reference or answer")
            }
            let references = try texts(found)
            guard !references.isEmpty else { throw found.wrongType("at least one text") }
            examples.append(TextExample(references: references))
        }
        guard !examples.isEmpty else {
            throw EvaluationError.system(file: url.relativePath, reason: "no examples found")
        }
        return examples
    }

    private static func texts(_ node: JSONNode) throws -> [String] {
        switch node.value {
        case .array: try node.array().flatMap(texts)
        case .integer(let number): [String(number)]
        default: [try node.string()]
        }
    }
}

/// Completions of examples, whoever made them.
public struct TextCompletions: Sendable {
    /// For each example its completions.
    public private(set) var texts: [[String]]

    /// The number of examples without a completion.
    public var missing: Int { texts.count(where: \.isEmpty) }

    /// Reads completions: a JSON object per line with `completion`, a text, or `completions`, an array of texts.
    ///
    /// `index`, counted from 0, names a line's example. Without it lines are in the order of the examples: with `sample`, as
    /// `foretoken generate --prompts` writes it, a line of sample 0 begins the next example, else every line does.
    ///
    /// - Throws: ``EvaluationError``, with file and line.
    public init(contentsOf url: URL, examples: Int) throws {
        var texts = [[String]](repeating: [], count: examples)
        var next = 0
        try JSONLines.read(url, numbers: .python) { node, line in
            let sample = try node["sample"].ifPresent?.integer() ?? 0
            let index = try node["index"].ifPresent?.integer(in: 0...(.max)) ?? (sample == 0 ? next : max(0, next - 1))
            guard texts.indices.contains(index) else {
                throw EvaluationError.badLine(
                    file: node.file, line: line,
                    reason: "a completion of example \(index + 1), but there are \(examples) examples")
            }
            if let several = try node["completions"].ifPresent {
                texts[index] += try several.array().map { try $0.string() }
            } else {
                texts[index].append(try node["completion"].string())
            }
            next = index + 1
        }
        self.texts = texts
        guard missing < examples else {
            throw EvaluationError.system(file: url.relativePath, reason: "no completions found")
        }
    }
}
