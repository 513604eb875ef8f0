import ForetokenFiles
public import ForetokenPlatform

/// The speed of a tokenizer on files, on one thread; every file is a document.
public struct TokenizerBenchmark: Sendable {
    /// The tokenizer's name.
    public let tokenizer: String
    /// 10⁶ bytes of text in all files.
    public let megabytes: Double
    /// Tokens of all files.
    public let tokens: Int
    /// 10⁶ bytes a second of the first round, with an empty cache.
    public let firstMegabytesPerSecond: Double
    /// 10⁶ bytes a second of the median of the other rounds.
    public let megabytesPerSecond: Double
    /// Seconds to read the tokenizer's file.
    public let loadSeconds: Double
    /// SHA-256 of all tokens as 32-bit little-endian numbers, to compare with another program's; nil unless asked for.
    public let digest: String?

    /// Encodes all files in each round.
    ///
    /// - Parameters:
    ///   - files: the documents.
    ///   - tokenizerFile: a `tokenizer.json`; the byte tokenizer if nil.
    ///   - rounds: how often everything is encoded; at least 2.
    ///   - computesDigest: whether to compute ``digest``, in one more round.
    /// - Throws: `TokenizerError`, file errors.
    public init(files: [URL], tokenizerFile: URL?, rounds: Int, computesDigest: Bool = false) throws {
        let clock = ContinuousClock()
        var tokenizer: any Tokenizer = ByteTokenizer()
        let loading = try clock.measure { if let tokenizerFile { tokenizer = try TokenizerFile.read(tokenizerFile) } }
        let documents = try files.map { [UInt8](try Data(contentsOf: $0)) }
        let megabytes = Double(documents.reduce(0) { $0 + $1.count }) / 1e6
        var count = 0
        let speeds = (0..<rounds).map { _ in
            count = 0
            let time = clock.measure { for document in documents { count += tokenizer.encode(document).count } }
            return megabytes / (time / .seconds(1))
        }
        (self.tokenizer, self.megabytes, tokens) = (tokenizer.name, megabytes, count)
        firstMegabytesPerSecond = speeds[0]
        megabytesPerSecond = speeds.dropFirst().sorted()[(rounds - 1) / 2]
        loadSeconds = loading / .seconds(1)
        digest = computesDigest ? Self.digest(of: documents, tokenizer, count: count) : nil
    }

    private static func digest(of documents: [[UInt8]], _ tokenizer: any Tokenizer, count: Int) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count * 4)
        for document in documents {
            for token in tokenizer.encode(document) {
                withUnsafeBytes(of: token.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        return SHA256.hex(of: bytes)
    }
}
