import ArgumentParser
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tokenize source files into token shards.",
        discussion: """
            Writes train.tokens and validation.tokens, which 'foretoken train' memory-maps. Folders are walked without hidden \
            names and symbolic links, and without the files that git ignores (.gitignore files and a repository's \
            .git/info/exclude). Exact duplicates and binary, generated, empty, oversized and non-UTF-8 files are skipped and \
            counted. Files compressed with gzip or zstd are decompressed as they are read. A seeded hash of a document's \
            content decides whether it is held out, so adding files later never moves one into the training set. The \
            tokenizer is written into the same folder as tokenizer.json: bytes, a byte-level BPE in Hugging Face's format (the \
            GPT-2, Llama 3 and Qwen families), or one trained on the same documents.

            The shards do not depend on --workers. A preparation that was interrupted resumes when the same command is run \
            again.

            Examples:
              foretoken prepare src/ notes.txt --out data/mine
              foretoken prepare src/ --include '*.swift' --exclude 'Tests/' --exclude '**/Generated/*.swift' --out data/mine
              foretoken prepare /usr/lib/python3 --extension py --out data/python
              foretoken prepare crawl-00.jsonl.zst crawl-01.jsonl.gz --field text --out data/crawl
              foretoken prepare dump.txt.gz --split-files --max-file-bytes 100000 --out data/dump
              foretoken prepare books/ --max-file-bytes 10000000 --out data/books --json
              foretoken prepare src/ --train-tokenizer bpe:32000 --out data/bpe
              foretoken prepare src/ --tokenizer llama-3/tokenizer.json --out data/llama
            """)

    @Argument(help: "The files and folders to read.")
    var inputs: [Path]

    @Option(help: "The folder for the shards; created if it does not exist.", completion: .directory)
    var out: Path

    @Option(
        name: .customLong("extension"),
        help: "Read only files with this extension from folders; may be given more than once; all files if omitted.")
    var extensions: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: "Read only files that match this .gitignore pattern from folders; may be given more than once.")
    var include: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: "Skip files in folders that match this .gitignore pattern; may be given more than once.")
    var exclude: [String] = []

    @Flag(inversion: .prefixedNo, help: "Skip files in folders that .gitignore files name.")
    var gitignore = true

    @Flag(help: "Read lock files, minified scripts and other generated files in folders, too.")
    var keepGenerated = false

    @Option(parsing: .unconditional, help: "Skip files and JSONL texts smaller than this, in bytes.")
    var minFileBytes = 0

    @Option(
        parsing: .unconditional, help: "Skip files and JSONL texts larger than this, in bytes before compression.")
    var maxFileBytes = 1 << 20

    @Flag(
        help: "Split larger files, and all compressed ones, at line ends into documents of at most --max-file-bytes.")
    var splitFiles = false

    @Option(
        help: """
            The key of the text in each line of .jsonl and .ndjson files, compressed ones too; such files are read as text \
            if omitted.
            """)
    var field: String?

    @Flag(help: "Count lines without a text, and files that are cut off, instead of stopping there.")
    var skipBadLines = false

    @Option(parsing: .unconditional, help: "Threads that read and tokenize; all cores if omitted.")
    var workers: Int?

    @Option(
        parsing: .unconditional,
        help: "Keep an unbiased random sample of about this many bytes of text; everything if omitted.")
    var maxBytes: Int?

    @Option(parsing: .unconditional, help: "The fraction of the documents held out for validation.")
    var validationFraction = 0.02

    @Option(parsing: .unconditional, help: "The seed of the validation split and of --max-bytes.")
    var seed: UInt64 = 0

    @Option(
        help: "The tokenizer.json to use; the byte tokenizer if omitted.", completion: .file(extensions: ["json"]))
    var tokenizer: Path?

    @Option(
        help: """
            Train a tokenizer on the documents first: bpe:32000 for 32,000 tokens, or bpe:32000:gpt2 with another \
            pre-tokenizer (\(PreTokenizer.allCases.map(\.rawValue).joined(separator: ", ")); llama3 if omitted).
            """)
    var trainTokenizer: TokenizerTraining?

    /// `bpe:SIZE[:PRETOKENIZER]`
    struct TokenizerTraining: ExpressibleByArgument {
        let size: Int
        let preTokenizer: PreTokenizer

        init?(argument: String) {
            let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard (2...3).contains(parts.count), parts[0] == "bpe", let size = Int(parts[1]),
                let preTokenizer = parts.count == 3 ? PreTokenizer(rawValue: parts[2]) : .llama3
            else { return nil }
            (self.size, self.preTokenizer) = (size, preTokenizer)
        }
    }

    @Flag(help: "Print the counts as one JSON object.")
    var json = false

    func validate() throws {
        guard !inputs.isEmpty else { throw ValidationError("name at least one file or folder") }
        guard (0..<1).contains(validationFraction) else {
            throw ValidationError("--validation-fraction \(validationFraction): must be at least 0 and below 1")
        }
        try require(minFileBytes, "--min-file-bytes", in: 0...(.max))
        try require(maxFileBytes, "--max-file-bytes", in: 1...CorpusPreparation.largestMaximum)
        try require(workers, "--workers", in: 1...256)
        try require(maxBytes, "--max-bytes", in: 1...(.max))
        if tokenizer != nil, trainTokenizer != nil {
            throw ValidationError("--tokenizer and --train-tokenizer exclude each other")
        }
    }

    func run() throws {
        InterruptFlag.install()
        let preparation = preparation()
        let tokenizer = try chooseTokenizer(preparation)
        let line = PreparationProgressLine("preparing")
        defer { line.finish() }
        let report = try preparation.run(into: out.url, tokenizer: tokenizer) { try Self.track($0, on: line) }
        line.finish()
        try show(PreparationOutput(report: report, tokenizer: tokenizer), asJSON: json)
    }

    private func preparation() -> CorpusPreparation {
        var preparation = CorpusPreparation(
            inputs: inputs.map(\.url),
            fileExtensions: extensions.isEmpty
                ? nil : Set(extensions.map { $0.lowercased().trimmingPrefix(".") }.map(String.init)))
        preparation.include = include
        preparation.exclude = exclude
        preparation.honoursGitignore = gitignore
        preparation.skipsGenerated = !keepGenerated
        preparation.minimumFileBytes = minFileBytes
        preparation.maximumFileBytes = maxFileBytes
        preparation.splitsLargeFiles = splitFiles
        preparation.field = field
        preparation.skipsBadLines = skipBadLines
        preparation.maximumBytes = maxBytes
        preparation.validationFraction = validationFraction
        preparation.seed = seed
        if let workers { preparation.workers = workers }
        return preparation
    }

    private func chooseTokenizer(_ preparation: CorpusPreparation) throws -> any Tokenizer {
        if let tokenizer { return try TokenizerFile.read(tokenizer.url) }
        guard let trainTokenizer else { return ByteTokenizer() }
        let line = PreparationProgressLine("counting words")
        defer { line.finish() }
        let trained = try preparation.trainTokenizer(
            vocabularySize: trainTokenizer.size, preTokenizer: trainTokenizer.preTokenizer
        ) {
            try Self.track($0, on: line)
        } counted: { words in
            line.finish()
            Terminal.log("training a tokenizer on \(words) different words")
            if InterruptFlag.isRaised { throw ExitCode(130) }
        }
        if trained.vocabularySize < trainTokenizer.size {
            Terminal.log(
                "the text has pairs for \(trained.vocabularySize) tokens only; give more text for a larger vocabulary")
        }
        return trained
    }

    /// Ctrl-C ends the work; the same command resumes it.
    private static func track(_ progress: PreparationProgress, on line: PreparationProgressLine) throws {
        if InterruptFlag.isRaised { throw ExitCode(130) }
        line.show(progress)
    }
}
