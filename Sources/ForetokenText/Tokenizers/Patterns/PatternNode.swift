/// A regular expression as it is written.
indirect enum PatternNode: Equatable {
    /// One character.
    case character(CharacterRule)
    case sequence([PatternNode])
    case choice([PatternNode])
    case repetition(PatternNode, least: Int, most: Int?, Greed)
    /// `(?=…)`, `(?!…)`
    case lookahead(PatternNode, isNegative: Bool)
    /// `(?>…)`
    case atomic(PatternNode)
    case assertion(PatternAssertion)

    enum Greed: Equatable {
        case greedy, lazy, possessive
    }

    /// Whether it can match nothing.
    var isNullable: Bool {
        switch self {
        case .character: false
        case .sequence(let nodes): nodes.allSatisfy(\.isNullable)
        case .choice(let nodes): nodes.contains(where: \.isNullable)
        case .repetition(let node, let least, _, _): least == 0 || node.isNullable
        case .lookahead, .assertion: true
        case .atomic(let node): node.isNullable
        }
    }

    /// The characters with which matches begin; of one that may be empty, those with which it begins if it is not.
    var first: CharacterRule {
        switch self {
        case .character(let rule): return rule
        case .sequence(let nodes):
            let end = nodes.firstIndex { !$0.isNullable }.map { $0 + 1 } ?? nodes.count
            return .union(nodes[..<end].map(\.first))
        case .choice(let nodes): return .union(nodes.map(\.first))
        case .repetition(let node, _, let most, _): return most == 0 ? .union([]) : node.first
        case .lookahead, .assertion: return .union([])
        case .atomic(let node): return node.first
        }
    }
}

/// A condition on a place of a text.
enum PatternAssertion: Equatable {
    /// `^`, `$`: of Oniguruma's Ruby syntax, of each line.
    case startOfLine, endOfLine
    /// `\A`, `\z`
    case startOfText, endOfText
    /// `\b`, `\B`
    case wordBoundary, noWordBoundary
}

/// Why a pattern is not supported.
struct PatternError: Error, Equatable {
    let reason: String
}
