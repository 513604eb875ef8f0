package import ForetokenFiles

extension PreTokenizer {
    /// Reads `pre_tokenizer` of a byte-level vocabulary: splits by patterns, digits and punctuation, and `ByteLevel` among them.
    ///
    /// - Throws: ``TokenizerError``, `JSONError`.
    package init(_ node: JSONNode) throws {
        guard node.ifPresent != nil else { throw node.unsupported("ByteLevel, or Split and ByteLevel") }
        var steps = PreTokenizerSteps(before: [])
        var hasByteLevel = false
        for part in try Self.flattened(node) {
            let type = try part["type"]
            if try type.string() == "ByteLevel" {
                guard !hasByteLevel else { throw type.unsupported("one ByteLevel") }
                hasByteLevel = true
                try Self.readByteLevel(part, &steps)
            } else if let step = try Self.step(part) {
                if hasByteLevel { steps.after.append(step) } else { steps.before.append(step) }
            }
        }
        guard hasByteLevel else { throw try node["type"].unsupported("ByteLevel, or Split and ByteLevel") }
        self = Self.allCases.first { $0.equals(steps) } ?? .steps(steps)
    }

    private static let mostSteps = 30

    /// The steps, those of sequences in their place.
    private static func flattened(_ node: JSONNode) throws -> [JSONNode] {
        guard try node["type"].string() == "Sequence" else { return [node] }
        let steps = try node["pretokenizers"].array().flatMap(flattened)
        guard steps.count <= mostSteps else { throw node.unsupported("at most \(mostSteps) steps") }
        return steps
    }

    private static func readByteLevel(_ node: JSONNode, _ steps: inout PreTokenizerSteps) throws {
        // `add_prefix_space` and `use_regex` default to true.
        let prefix = try node["add_prefix_space"]
        steps.prefixesSpace = try prefix.ifPresent?.bool() ?? true
        if steps.prefixesSpace, !steps.before.isEmpty { throw prefix.unsupported("false after other steps") }
        if try node["use_regex"].ifPresent?.bool() ?? true { steps.before.append(.init(rule: .gpt2)) }
    }

    /// A step that is not `ByteLevel`.
    private static func step(_ node: JSONNode) throws -> PreTokenizerSteps.Step? {
        switch try node["type"].string() {
        case "Digits":
            // `individual_digits` defaults to false.
            let isSingle = try node["individual_digits"].ifPresent?.bool() ?? false
            return .init(rule: .digits, behavior: isSingle ? .isolated : .contiguous)
        case "Punctuation":
            return .init(rule: .punctuation, behavior: try behavior(node["behavior"]) ?? .isolated)
        case "Split": return try split(node)
        default: throw try node["type"].unsupported("ByteLevel, Split, Digits, Punctuation and Sequence")
        }
    }

    private static func split(_ node: JSONNode) throws -> PreTokenizerSteps.Step {
        let (regex, literal) = (try node["pattern"]["Regex"], try node["pattern"]["String"].ifPresent)
        let text = try (literal ?? regex).string()
        let rule: PreTokenizerSteps.Rule
        do throws(PatternError) {
            rule = literal == nil ? .pattern(try WordPattern(text)) : .literal(try WordPattern(literal: text))
        } catch {
            throw TokenizerError.unsupported(
                file: node.file, key: (literal ?? regex).path,
                value: "\(error.reason) in '\(text.shortenedForMessage(limit: 100))'",
                supported:
                    "patterns of texts, classes, general categories such as \\p{L}, repetitions, groups and look-ahead")
        }
        let isInverted = try node["invert"].ifPresent?.bool() ?? false
        let behavior = try node["behavior"]
        // To remove all but the matches changes nothing where matches leave nothing out.
        if isInverted, try behavior.string() == "Removed", case .pattern(let pattern) = rule, isComplete(pattern) {
            return .init(rule: rule)
        }
        guard let found = try Self.behavior(behavior) else { throw behavior.unsupported("Isolated") }
        return .init(rule: rule, behavior: found, isInverted: isInverted)
    }

    private static func behavior(_ node: JSONNode) throws -> PreTokenizerSteps.Behavior? {
        guard let node = node.ifPresent else { return nil }
        let name = try node.string()
        guard let behavior = PreTokenizerSteps.Behavior(rawValue: name) else {
            throw node.unsupported("Isolated, Contiguous, MergedWithPrevious and MergedWithNext")
        }
        return behavior
    }

    /// Whether a pattern is one of a family, whose matches leave nothing out.
    private static func isComplete(_ pattern: WordPattern) -> Bool {
        allCases.contains { $0.patterns.contains { $0.hasEqualBytes(pattern.text) } }
    }

    /// Whether steps do the same.
    private func equals(_ steps: PreTokenizerSteps) -> Bool {
        if steps.prefixesSpace { return false }
        if let own = self.steps { return own == steps }
        guard steps.after.isEmpty else { return false }
        switch (self, steps.before.count) {
        case (.none, 0): return true
        case (.gpt2, 1) where steps.before[0] == .init(rule: .gpt2): return true
        case (.smollm, 2): return steps.before == [.init(rule: .digits), .init(rule: .gpt2)]
        case (_, 1):
            guard case .pattern(let pattern) = steps.before[0].rule, steps.before[0] == .init(rule: .pattern(pattern))
            else { return false }
            return patterns.contains { $0.hasEqualBytes(pattern.text) }
        default: return false
        }
    }
}
