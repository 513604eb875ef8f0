/// Takes a program out of the Markdown in which chat models wrap it.
///
/// A fence is a line that begins, after at most three spaces, with three backticks. A text without one is the program. Else:
///
/// - The first fence opens a block if it names a language, if nothing but white space comes before it, or if the number of fences is
///   even. The program is what lies between it and the next fence, or the end.
/// - Otherwise it closes a block whose beginning was in the prompt. The program is what comes before it.
///
/// Backticks within a docstring are usually indented by four spaces and are no fences then.
public enum MarkdownFence {
    /// The program in a text.
    public static func contents(of text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "`")) else { return text }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let fences = lines.indices.filter { isFence(lines[$0]) }
        guard let first = fences.first else { return text }
        let before = lines[..<first]
        let isOpening =
            !language(lines[first]).isEmpty || before.allSatisfy { $0.allSatisfy(\.isWhitespace) }
            || fences.count.isMultiple(of: 2)
        guard isOpening else { return before.map { $0 + "\n" }.joined() }
        let end = fences.dropFirst().first ?? lines.endIndex
        return lines[(first + 1)..<end].map { $0 + "\n" }.joined()
    }

    private static func isFence(_ line: Substring) -> Bool {
        line.prefix { $0 == " " }.count <= 3 && line.drop { $0 == " " }.hasPrefix("```")
    }

    private static func language(_ fence: Substring) -> Substring {
        fence.drop { $0 == " " || $0 == "`" }.prefix { !$0.isWhitespace }
    }
}
