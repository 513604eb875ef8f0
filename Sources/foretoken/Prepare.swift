import ArgumentParser
import ForetokenReport
import ForetokenText
import Foundation
import Torch

struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn source files into token shards.",
        discussion: """
            Writes train.tokens and validation.tokens. Exact duplicates, binary, empty, oversized and non-UTF-8 files are
            skipped and counted; held-out documents are chosen by a seeded hash of their content.

            Example: foretoken prepare /usr/lib/python3 --extension py --max-bytes 40000000 --out data/python
            """)

    @Argument(help: "Files and folders to read.")
    var inputs: [String]

    @Option(help: "Folder for the shards.")
    var out: String

    @Option(name: .customLong("extension"), help: "Only files with this ending; may be repeated.")
    var extensions: [String] = []

    @Option(help: "Skip files larger than this.")
    var maxFileBytes = 1 << 20

    @Option(help: "Keep a fair sample of about so many bytes.")
    var maxBytes: Int?

    @Option(help: "Share of the documents held out for validation.")
    var validationFraction = 0.02

    @Option(help: "Decides the split and the sample.")
    var seed: UInt64 = 0

    @Flag(help: "Print the counts as one JSON object.")
    var json = false

    func validate() throws {
        guard !inputs.isEmpty else { throw ValidationError("name at least one file or folder") }
        guard (0..<1).contains(validationFraction) else {
            throw ValidationError("--validation-fraction must be at least 0 and below 1")
        }
    }

    func run() throws {
        var preparation = CorpusPreparation(
            inputs: inputs.map { URL(fileURLWithPath: $0) },
            fileExtensions: extensions.isEmpty ? nil : Set(extensions.map { $0.lowercased() }))
        preparation.maximumFileBytes = maxFileBytes
        preparation.maximumBytes = maxBytes
        preparation.validationFraction = validationFraction
        preparation.seed = seed
        let report = try preparation.run(into: URL(fileURLWithPath: out), tokenizer: ByteTokenizer())
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
