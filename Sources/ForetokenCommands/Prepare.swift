import ArgumentParser
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn source files into token shards.",
        discussion: """
            Writes train.tokens and validation.tokens: text as tokens, ready to be memory-mapped by 'foretoken train'. Folders \
            are walked without hidden names and links, and as git would: what .gitignore files (and a repository's \
            .git/info/exclude) name is left out. Exact duplicates, binary, generated, empty, oversized and non-UTF-8 files are \
            skipped and counted. Files compressed with gzip or zstd are read as what is in them. Which documents are held out \
            is decided by a seeded hash of their content, so adding files later never moves one into the training set. The \
            tokenizer goes beside the shards as tokenizer.json: bytes, a byte-level BPE in Hugging Face's format (the GPT-2, \
            Llama 3 and Qwen families), or one trained on the same documents.

            The shards do not depend on --workers. What was killed goes on where it stood when the same command is run again.

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

    @Argument(help: "Files and folders to read.")
    var inputs: [Path]

    @Option(help: "Folder for the shards; made if it is not there.", completion: .directory)
    var out: Path

    @Option(name: .customLong("extension"), help: "In folders, only files with this ending; may be repeated.")
    var extensions: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: "In folders, only what matches one of these patterns, which are as in .gitignore; may be repeated.")
    var include: [String] = []

    @Option(
        parsing: .unconditionalSingleValue,
        help: "In folders, not what matches one of these patterns, which are as in .gitignore; may be repeated.")
    var exclude: [String] = []

    @Flag(inversion: .prefixedNo, help: "In folders, leave out what .gitignore files name.")
    var gitignore = true

    @Flag(help: "In folders, keep lock files, minified scripts and what else programs wrote.")
    var keepGenerated = false

    @Option(parsing: .unconditional, help: "Skip files and JSONL texts smaller than this.")
    var minFileBytes = 0

    @Option(parsing: .unconditional, help: "Skip files and JSONL texts larger than this, before compression.")
    var maxFileBytes = 1 << 20

    @Flag(help: "Cut larger files, and all compressed ones, at line ends into documents of at most --max-file-bytes.")
    var splitFiles = false

    @Option(help: "Read .jsonl and .ndjson files, also .gz and .zst: the text of each line is the value of this key.")
    var field: String?

    @Flag(help: "Count lines without a text, and files that end in the middle, instead of stopping there.")
    var skipBadLines = false

    @Option(parsing: .unconditional, help: "Threads that read and encode; all processors if not given.")
    var workers: Int?

    @Option(parsing: .unconditional, help: "Keep a fair sample of about so many bytes.")
    var maxBytes: Int?

    @Option(parsing: .unconditional, help: "Share of the documents held out for validation.")
    var validationFraction = 0.02

    @Option(parsing: .unconditional, help: "Decides the split and the sample.")
    var seed: UInt64 = 0

    @Option(
        help: "A tokenizer.json to use; bytes if not given.", completion: .file(extensions: ["json"]))
    var tokenizer: Path?

    @Option(
        help: """
            Train a tokenizer of so many tokens on the documents first: bpe:32000, or bpe:32000:gpt2 for another way to \
            cut words (\(PreTokenizer.allCases.map(\.rawValue).joined(separator: ", ")); llama3 if not given).
            """)
    var trainTokenizer: TokenizerTraining?

    /// `bpe:SIZE[:WORDS]`
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
        let chosen = try chooseTokenizer(preparation)
        let report = try watching("preparing") { try preparation.run(into: out.url, tokenizer: chosen, progress: $0) }
        if json {
            var reasons = JSONObject()
            for (reason, count) in report.skipped.sorted(by: { $0.key < $1.key }) { reasons[reason] = .integer(count) }
            let value: JSONValue = [
                "trainDocuments": .integer(report.trainDocuments), "trainBytes": .integer(report.trainBytes),
                "validationDocuments": .integer(report.validationDocuments),
                "validationBytes": .integer(report.validationBytes),
                "skipped": .integer(report.skipped.values.reduce(0, +)),
                "skippedByReason": .object(reasons), "tokenizer": .string(chosen.name),
                "vocabulary": .integer(chosen.vocabularySize), "trainTokens": .integer(report.trainTokens),
                "validationTokens": .integer(report.validationTokens),
            ]
            print(try value.text())
        } else {
            print("train       \(report.trainDocuments) documents, \(Formatting.bytes(Double(report.trainBytes)))")
            print(
                "validation  \(report.validationDocuments) documents, \(Formatting.bytes(Double(report.validationBytes)))"
            )
            let ratio = Double(report.trainBytes) / Double(max(1, report.trainTokens))
            print("tokenizer   \(chosen.name), \(Formatting.fixed(ratio, 2)) bytes a token")
            print(report.skippedSentence)
        }
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

    /// Shows on standard error how far the work is and how long it will take, if it takes more than a moment.
    private func watching<Result>(
        _ name: String, _ work: ((PreparationProgress) throws -> Void) throws -> Result
    ) rethrows -> Result {
        let begin = ContinuousClock.now
        var line: ProgressLine?
        var last = begin
        defer { line?.finish() }
        return try work { progress in
            // Temporary files go, and the same command resumes.
            if InterruptFlag.isRaised { throw ExitCode(130) }
            if progress.bytesRead == progress.bytesResumed, progress.bytesResumed > 0, line == nil {
                Terminal.log("going on after \(Formatting.bytes(Double(progress.bytesResumed)))")
            }
            let now = ContinuousClock.now
            guard now - last > .milliseconds(500), progress.bytesRead > progress.bytesResumed else { return }
            last = now
            let shown = line ?? ProgressLine(total: progress.bytesTotal)
            line = shown
            let rate = Double(progress.bytesRead - progress.bytesResumed) / ((now - begin) / .seconds(1))
            let report = progress.report
            shown.show(
                progress.bytesRead,
                "\(name): \(Formatting.bytes(Double(progress.bytesRead))) of "
                    + "\(Formatting.bytes(Double(progress.bytesTotal)))  \(Formatting.bytes(rate))/s  "
                    + "\(Formatting.duration(Double(progress.bytesTotal - progress.bytesRead) / rate)) left  "
                    + "\(report.trainDocuments + report.validationDocuments) documents")
        }
    }

    private func chooseTokenizer(_ preparation: CorpusPreparation) throws -> any Tokenizer {
        if let tokenizer { return try TokenizerFile.read(tokenizer.url) }
        guard let trainTokenizer else { return ByteTokenizer() }
        var training = try BytePairTraining(
            vocabularySize: trainTokenizer.size, preTokenizer: trainTokenizer.preTokenizer)
        try watching("counting words") { try preparation.countWords(into: &training, progress: $0) }
        Terminal.log("training a tokenizer on \(training.wordCount) different words")
        if InterruptFlag.isRaised { throw ExitCode(130) }
        let trained = try training.train()
        if trained.vocabularySize < trainTokenizer.size {
            Terminal.log(
                "the text has pairs for \(trained.vocabularySize) tokens only; give more text for a larger vocabulary")
        }
        return trained
    }
}
