public import Foundation

/// `decoding.json`: how fast a run's model decodes with 1…n of its heads, as `foretoken evaluate decoding --by-heads` found.
public struct DecodingByHeads: Codable, Sendable, Equatable {
    /// Decoding with some of the heads.
    public struct Row: Codable, Sendable, Equatable {
        /// Heads used; 1 is next-token decoding.
        public var heads: Int
        /// Tokens emitted a forward pass.
        public var tokensPerForward: Double
        /// Tokens a second after the prompts' passes.
        public var tokensPerSecond: Double
        /// Tokens a second ÷ those of next-token decoding, measured in alternation.
        public var speedUp: Double
        /// The share of the drafts at each position after head 1's that were accepted.
        public var acceptance: [Double]?
        /// How many passes accepted so many drafts, from 0 on.
        public var acceptedLengths: [Int]?

        /// A row.
        public init(
            heads: Int, tokensPerForward: Double, tokensPerSecond: Double, speedUp: Double,
            acceptance: [Double]? = nil, acceptedLengths: [Int]? = nil
        ) {
            (self.heads, self.tokensPerForward) = (heads, tokensPerForward)
            (self.tokensPerSecond, self.speedUp) = (tokensPerSecond, speedUp)
            (self.acceptance, self.acceptedLengths) = (acceptance, acceptedLengths)
        }
    }

    /// The form of the file.
    public private(set) var formatVersion = 1
    /// Prompts decoded.
    public var prompts: Int
    /// Tokens generated for each at most.
    public var maximumTokens: Int
    /// 0 is greedy.
    public var temperature: Double
    /// By rising heads.
    public var rows: [Row]

    /// A result.
    public init(prompts: Int, maximumTokens: Int, temperature: Double, rows: [Row]) {
        (self.prompts, self.maximumTokens, self.temperature, self.rows) = (prompts, maximumTokens, temperature, rows)
    }

    /// Writes the file into a run's folder, and the run's report anew with it.
    ///
    /// - Throws: file errors, ``MetricsError``.
    public func write(toRun folder: URL) throws {
        try (encoded([.prettyPrinted, .sortedKeys]) + Data("\n".utf8)).write(
            to: Self.file(in: folder), options: .atomic)
        let run = try RunRecord(folder)
        try Data(ReportPage.html([run]).utf8).write(to: RunRecord.report(in: folder), options: .atomic)
    }

    /// One line of JSON.
    public var json: String { get throws { String(decoding: try encoded(.sortedKeys), as: UTF8.self) } }

    private func encoded(_ formatting: JSONEncoder.OutputFormatting) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = formatting
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return try encoder.encode(self)
    }

    /// Reads a run's file; nil if there is none, or none of this form.
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
