public import Foundation

/// `decoding.json`: the decoding speed of a run's model with 1…n of its heads, written by
/// `foretoken evaluate decoding --by-heads`.
public struct DecodingByHeads: Codable, Sendable, Equatable {
    /// The measurement for one number of heads.
    public struct Row: Codable, Sendable, Equatable {
        /// Prediction heads used; 1 is next-token decoding.
        public var heads: Int
        /// Emitted tokens ÷ verification passes.
        public var tokensPerForward: Double
        /// Tokens/s, excluding prefill.
        public var tokensPerSecond: Double
        /// Tokens/s ÷ those of next-token decoding, measured alternately.
        public var speedUp: Double
        /// The acceptance rate of each draft position, starting with head 2's; between 0 and 1.
        public var acceptance: [Double]?
        /// A histogram: element k counts the passes that accepted k drafts.
        public var acceptedLengths: [Int]?

        /// Creates a row.
        public init(
            heads: Int, tokensPerForward: Double, tokensPerSecond: Double, speedUp: Double,
            acceptance: [Double]? = nil, acceptedLengths: [Int]? = nil
        ) {
            (self.heads, self.tokensPerForward) = (heads, tokensPerForward)
            (self.tokensPerSecond, self.speedUp) = (tokensPerSecond, speedUp)
            (self.acceptance, self.acceptedLengths) = (acceptance, acceptedLengths)
        }
    }

    /// The version of the file format.
    public private(set) var formatVersion = 1
    /// The number of prompts decoded.
    public var prompts: Int
    /// The maximum number of tokens generated per prompt.
    public var maximumTokens: Int
    /// The sampling temperature; 0 is greedy decoding.
    public var temperature: Double
    /// One row per number of heads, ascending.
    public var rows: [Row]

    /// Creates a result.
    public init(prompts: Int, maximumTokens: Int, temperature: Double, rows: [Row]) {
        (self.prompts, self.maximumTokens, self.temperature, self.rows) = (prompts, maximumTokens, temperature, rows)
    }

    /// Writes the file to a run's folder and updates the run's report.
    ///
    /// - Throws: file errors, ``MetricsError``.
    public func write(toRun folder: URL) throws {
        try (encoded([.prettyPrinted, .sortedKeys]) + Data("\n".utf8)).write(
            to: Self.file(in: folder), options: .atomic)
        let run = try RunRecord(folder)
        try Data(ReportPage.html([run]).utf8).write(to: RunRecord.report(in: folder), options: .atomic)
    }

    /// The result as one line of JSON.
    public var json: String { get throws { String(decoding: try encoded(.sortedKeys), as: UTF8.self) } }

    private func encoded(_ formatting: JSONEncoder.OutputFormatting) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(self)
    }

    /// Reads the file of a run; nil if it is missing, malformed or of another format version.
    public init?(run folder: URL) {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        guard let data = try? Data(contentsOf: Self.file(in: folder)),
            let found = try? decoder.decode(Self.self, from: data), found.formatVersion == 1
        else { return nil }
        self = found
    }

    private static func file(in folder: URL) -> URL { folder.appendingPathComponent("decoding.json") }
}
