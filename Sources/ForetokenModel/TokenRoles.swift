/// The tokens of a model that have a role besides the two that frame documents.
public struct TokenRoles: Sendable, Equatable {
    /// The token that files name as beginning of text, if it is not ``ModelConfiguration/beginningOfText``, the one put before
    /// texts.
    public var beginning: Int32?
    /// The token that fills batches.
    public var padding: Int32?
    /// Tokens at which a text ends besides ``ModelConfiguration/endOfText``, such as the end of a turn.
    public var ends: [Int32]

    /// Creates a set of tokens.
    public init(beginning: Int32? = nil, padding: Int32? = nil, ends: [Int32] = []) {
        (self.beginning, self.padding, self.ends) = (beginning, padding, ends)
    }
}

extension ModelConfiguration {
    /// Every token at which a text ends, ``endOfText`` first.
    public var endTokens: [Int32] {
        [endOfText].compactMap(\.self) + tokenRoles.ends.filter { $0 != endOfText }
    }

    /// Whether a text ends at a token.
    public func isEnd(_ token: Int32) -> Bool { token == endOfText || tokenRoles.ends.contains(token) }

    /// Makes the first of a list of tokens the end of documents, and all of them ends of texts, each once.
    mutating func setEnds(_ tokens: [Int32]) {
        endOfText = tokens.first
        tokenRoles.ends = []
        for token in tokens where token != endOfText && !tokenRoles.ends.contains(token) {
            tokenRoles.ends.append(token)
        }
    }
}
