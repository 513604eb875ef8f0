import ArgumentParser
import ForetokenReport
import ForetokenText
import Foundation
import Torch

struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn source files into token shards.",
        discussion: """
            Writes train.tokens and validation.tokens: text as tokens, ready to be memory-mapped by 'foretoken train'. Exact \
            duplicates, binary, empty, oversized and non-UTF-8 files are skipped and counted. Which documents are held out \
            is decided by a seeded hash of their content, so adding files later never moves one into the training set. The \
            tokenizer goes beside the shards as tokenizer.json: bytes, a byte-level BPE in Hugging Face's format (the GPT-2, \
            Llama 3 and Qwen families), or one trained on the same documents.

            Examples:
              foretoken prepare src/ notes.txt --out data/mine
              foretoken prepare /usr/lib/python3 --extension py --out data/python
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

    @Option(parsing: .unconditional, help: "Skip files larger than this.")
    var maxFileBytes = 1 << 20

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
        try require(maxFileBytes, "--max-file-bytes", in: 1...(.max))
        try require(maxBytes, "--max-bytes", in: 1...(.max))
        if tokenizer != nil, trainTokenizer != nil {
            throw ValidationError("--tokenizer and --train-tokenizer exclude each other")
        }
    }

    func run() throws {
        var preparation = CorpusPreparation(
            inputs: inputs.map(\.url),
            fileExtensions: extensions.isEmpty
                ? nil : Set(extensions.map { $0.lowercased().trimmingPrefix(".") }.map(String.init)))
        preparation.maximumFileBytes = maxFileBytes
        preparation.maximumBytes = maxBytes
        preparation.validationFraction = validationFraction
        preparation.seed = seed
        let chosen = try chooseTokenizer(preparation)
        let report = try preparation.run(into: out.url, tokenizer: chosen)
        if json {
            let value: JSONValue = [
                "trainDocuments": .integer(report.trainDocuments), "trainBytes": .integer(report.trainBytes),
                "validationDocuments": .integer(report.validationDocuments),
                "validationBytes": .integer(report.validationBytes),
                "skipped": .integer(report.skipped.values.reduce(0, +)), "tokenizer": .string(chosen.name),
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

    private func chooseTokenizer(_ preparation: CorpusPreparation) throws -> any Tokenizer {
        if let tokenizer { return try TokenizerFile.read(tokenizer.url) }
        guard let trainTokenizer else { return ByteTokenizer() }
        var training = try BytePairTraining(
            vocabularySize: trainTokenizer.size, preTokenizer: trainTokenizer.preTokenizer)
        try preparation.countWords(into: &training)
        Terminal.log("training a tokenizer on \(training.wordCount) different words")
        let trained = try training.train()
        if trained.vocabularySize < trainTokenizer.size {
            Terminal.log(
                "the text has pairs for \(trained.vocabularySize) tokens only; give more text for a larger vocabulary")
        }
        return trained
    }
}
