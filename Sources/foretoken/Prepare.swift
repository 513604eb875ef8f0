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
            is decided by a seeded hash of their content, so adding files later never moves one into the training set.

            Examples:
              foretoken prepare src/ notes.txt --out data/mine
              foretoken prepare /usr/lib/python3 --extension py --out data/python
              foretoken prepare books/ --max-file-bytes 10000000 --out data/books --json
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

    @Flag(help: "Print the counts as one JSON object.")
    var json = false

    func validate() throws {
        guard !inputs.isEmpty else { throw ValidationError("name at least one file or folder") }
        guard (0..<1).contains(validationFraction) else {
            throw ValidationError("--validation-fraction \(validationFraction): must be at least 0 and below 1")
        }
        try require(maxFileBytes, "--max-file-bytes", in: 1...(.max))
        try require(maxBytes, "--max-bytes", in: 1...(.max))
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
        let report = try preparation.run(into: out.url, tokenizer: ByteTokenizer())
        if json {
            let value: JSONValue = [
                "trainDocuments": .integer(report.trainDocuments), "trainBytes": .integer(report.trainBytes),
                "validationDocuments": .integer(report.validationDocuments),
                "validationBytes": .integer(report.validationBytes),
                "skipped": .integer(report.skipped.values.reduce(0, +)),
            ]
            print(try value.text())
        } else {
            print("train       \(report.trainDocuments) documents, \(Formatting.bytes(Double(report.trainBytes)))")
            print(
                "validation  \(report.validationDocuments) documents, \(Formatting.bytes(Double(report.validationBytes)))"
            )
            print(report.skippedSentence)
        }
    }
}
