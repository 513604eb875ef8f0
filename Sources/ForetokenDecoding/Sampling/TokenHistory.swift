/// The tokens before a position, as penalties need them.
public struct TokenHistory: Sendable, Equatable {
    /// The prompt's tokens, each once.
    public private(set) var prompt: Set<Int32>
    /// How often the generated text has each token.
    public private(set) var generated: [Int32: Int] = [:]

    /// Nothing generated yet.
    public init(prompt: some Sequence<Int32> = []) { self.prompt = Set(prompt) }

    /// Adds a generated token.
    public mutating func append(_ token: Int32) { generated[token, default: 0] += 1 }

    /// Takes a generated token back.
    public mutating func remove(_ token: Int32) {
        guard let times = generated[token] else { return }
        generated[token] = times > 1 ? times - 1 : nil
    }
}
