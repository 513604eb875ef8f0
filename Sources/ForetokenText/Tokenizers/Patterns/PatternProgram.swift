/// A regular expression as instructions for a backtracking matcher.
struct PatternProgram: Sendable {
    enum Instruction: Sendable {
        case character(UInt32)
        case set(Int)
        /// As many characters of a set as there are, at most `most`, of which some may be given back.
        case run(set: Int, least: Int, most: Int, givesBack: Bool)
        /// Goes on at `first`, and if that fails at `second`.
        case split(first: Int, second: Int)
        case jump(Int)
        /// Instructions up to a ``match``, after which it goes on at `end`.
        case lookahead(end: Int, isNegative: Bool)
        case atomic(end: Int)
        case assertion(PatternAssertion)
        case match
    }

    private(set) var instructions: [Instruction] = []
    private(set) var sets = CharacterTable()
    /// The set of characters with which matches begin; nil if some are empty.
    private(set) var first: Int?

    /// Repetitions are written out.
    private static let longest = 20_000

    /// - Throws: ``PatternError`` for an expression that is too large.
    init(_ node: PatternNode) throws(PatternError) {
        try append(node)
        instructions.append(.match)
        first = node.isNullable ? nil : sets.number(node.first)
        keepWhatCannotFail()
    }

    /// One character of a set.
    init(_ rule: CharacterRule) {
        let set = sets.number(rule)
        (instructions, first) = ([.set(set), .match], set)
    }

    private mutating func append(_ node: PatternNode) throws(PatternError) {
        guard instructions.count < Self.longest, sets.count < 500 else { throw PatternError(reason: "it is too large") }
        switch node {
        case .character(.range(let range)) where range.count == 1: instructions.append(.character(range.lowerBound))
        case .character(let rule): instructions.append(.set(sets.number(rule)))
        case .sequence(let nodes): for node in nodes { try append(node) }
        case .choice(let nodes):
            var ends: [Int] = []
            for node in nodes.dropLast() {
                let split = reserve()
                try append(node)
                ends.append(reserve())
                instructions[split] = .split(first: split + 1, second: instructions.count)
            }
            if let last = nodes.last { try append(last) }
            for end in ends { instructions[end] = .jump(instructions.count) }
        case .lookahead(let node, let isNegative):
            let start = try appendGroup(node)
            instructions[start] = .lookahead(end: instructions.count, isNegative: isNegative)
        case .atomic(let node):
            let start = try appendGroup(node)
            instructions[start] = .atomic(end: instructions.count)
        case .assertion(let assertion): instructions.append(.assertion(assertion))
        case .repetition(.character(let rule), let least, let most, let greed) where greed != .lazy:
            instructions.append(
                .run(set: sets.number(rule), least: least, most: most ?? .max, givesBack: greed == .greedy))
        case .repetition(let node, let least, let most, .possessive):
            try append(.atomic(.repetition(node, least: least, most: most, .greedy)))
        case .repetition(let node, let least, let most, let greed):
            for _ in 0..<least { try append(node) }
            func split(_ first: Int, _ second: Int) -> Instruction {
                greed == .greedy ? .split(first: first, second: second) : .split(first: second, second: first)
            }
            guard let most else {
                let start = reserve()
                try append(node)
                instructions.append(.jump(start))
                instructions[start] = split(start + 1, instructions.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<most {
                splits.append(reserve())
                try append(node)
            }
            for start in splits { instructions[start] = split(start + 1, instructions.count) }
        }
    }

    private mutating func reserve() -> Int {
        instructions.append(.match)
        return instructions.count - 1
    }

    private mutating func appendGroup(_ node: PatternNode) throws(PatternError) -> Int {
        let start = reserve()
        try append(node)
        instructions.append(.match)
        return start
    }

    /// Runs need give nothing back where what follows always matches.
    private mutating func keepWhatCannotFail() {
        var always = [Bool](repeating: false, count: instructions.count)
        for index in instructions.indices.reversed() {
            switch instructions[index] {
            case .match: always[index] = true
            case .run(let set, let least, let most, let givesBack):
                always[index] = least == 0 && always[index + 1]
                if givesBack, always[index + 1] {
                    instructions[index] = .run(set: set, least: least, most: most, givesBack: false)
                }
            case .split(let first, let second): always[index] = always[first] || always[second]
            case .jump(let target): always[index] = target > index && always[target]
            case .character, .set, .lookahead, .atomic, .assertion: break
            }
        }
    }
}
