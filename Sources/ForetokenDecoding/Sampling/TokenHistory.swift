/// The tokens before a position, for the penalties.
public struct TokenHistory: Sendable, Equatable {
    /// The prompt's tokens, each once.
    public private(set) var prompt: Set<Int32>
    /// The number of occurrences of each token in the generated text.
    public private(set) var generated: [Int32: Int] = [:]

    /// Creates a history without generated tokens.
    public init(prompt: some Sequence<Int32> = []) { self.prompt = Set(prompt) }

    /// Adds a generated token.
    public mutating func append(_ token: Int32) { generated[token, default: 0] += 1 }

    /// Removes one occurrence of a generated token.
    public mutating func remove(_ token: Int32) {
        guard let times = generated[token] else { return }
        generated[token] = times > 1 ? times - 1 : nil
    }
}
