import ArgumentParser
import ForetokenText

struct BenchTokenizer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Measure the speed of a tokenizer on files, with one thread.",
        discussion: """
            Every file is one document. With --json, the result has a digest of all tokens (SHA-256 of 32-bit little-endian \
            numbers), to compare with another program's.

            Example: foretoken bench tokenizer Sources/foretoken/*.swift --tokenizer data/bpe/tokenizer.json
            """)

    @Argument(help: "The text files to tokenize.")
    var files: [Path]
    @Option(
        help: "The tokenizer.json to measure; the byte tokenizer if omitted.", completion: .file(extensions: ["json"]))
    var tokenizer: Path?
    @Option(
        parsing: .unconditional,
        help: "Rounds of tokenizing all files; the first one, with an empty cache, is reported separately.")
    var rounds = 5
    @Flag(help: "Print the result as one JSON object.")
    var json = false

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("name at least one file") }
        try require(rounds, "--rounds", in: 2...10_000)
    }

    func run() throws {
        let result = try TokenizerBenchmark(
            files: files.map(\.url), tokenizerFile: tokenizer?.url, rounds: rounds, computesDigest: json)
        try show(TokenizerBenchmarkOutput(result: result), asJSON: json)
    }
}
