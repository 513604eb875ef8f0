/// The rules of a `.gitignore` file, or patterns in its syntax. The last matching rule decides (gitignore(5)).
struct IgnoreRules: Sendable {
    private struct Rule: Sendable {
        let pattern: GlobPattern
        let isNegated: Bool
        let isForFolders: Bool
        /// A pattern without a slash matches names in any folder.
        let isForNames: Bool
    }
    private var rules: [Rule] = []
    var isEmpty: Bool { rules.isEmpty }

    /// Parses the text of a `.gitignore` file.
    init(parsing text: [UInt8]) {
        let text = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text.dropFirst(3) : text[...]
        for line in text.split(separator: UInt8(ascii: "\n")) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            if line.first != UInt8(ascii: "#") { add(line.prefix { $0 != 0 }) }
        }
    }

    /// Parses patterns, each as one line.
    init(_ patterns: [String]) {
        for pattern in patterns { add(Array(pattern.utf8)[...]) }
    }

    private mutating func add(_ line: ArraySlice<UInt8>) {
        var line = Self.withoutTrailingSpaces(line)
        let isNegated = line.first == UInt8(ascii: "!")
        if isNegated { line = line.dropFirst() }
        let isForFolders = line.last == UInt8(ascii: "/")
        if isForFolders { line = line.dropLast() }
        guard !line.isEmpty else { return }
        let isForNames = !line.contains(UInt8(ascii: "/"))
        if line.first == UInt8(ascii: "/") { line = line.dropFirst() }
        rules.append(
            Rule(
                pattern: GlobPattern(line), isNegated: isNegated, isForFolders: isForFolders, isForNames: isForNames))
    }

    /// Removes trailing spaces that are not escaped with a backslash.
    private static func withoutTrailingSpaces(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var end = line.startIndex
        var index = line.startIndex
        while index < line.endIndex {
            let isEscape = line[index] == UInt8(ascii: "\\")
            if line[index] != UInt8(ascii: " ") { end = min(index + (isEscape ? 2 : 1), line.endIndex) }
            index += isEscape ? 2 : 1
        }
        return line[..<end]
    }

    /// Whether a path relative to the rules' folder is matched (true) or negated (false); nil if no rule applies.
    func verdict(on path: ArraySlice<UInt8>, isFolder: Bool) -> Bool? {
        let name = path[((path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex - 1) + 1)...]
        for rule in rules.reversed() where isFolder || !rule.isForFolders {
            if rule.pattern.matches(rule.isForNames ? name : path) { return !rule.isNegated }
        }
        return nil
    }
}
