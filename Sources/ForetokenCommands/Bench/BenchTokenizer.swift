import ArgumentParser
import ForetokenFiles
import ForetokenReport
import ForetokenText
import Foundation

struct BenchTokenizer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenizer",
        abstract: "Speed of a tokenizer on files, on one thread.",
        discussion: """
            Every file is a document. The digest is of all tokens (SHA-256 of 32-bit little-endian numbers), to compare \
            with another program's.

            Example: foretoken bench tokenizer Sources/foretoken/*.swift --tokenizer data/bpe/tokenizer.json
            """)

    @Argument(help: "Text files.")
    var files: [Path]
    @Option(help: "A tokenizer.json; bytes if not given.", completion: .file(extensions: ["json"]))
    var tokenizer: Path?
    @Option(
        parsing: .unconditional, help: "Times to encode everything; the first, with an empty cache, is shown alone.")
    var rounds = 5
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("name at least one file") }
        try require(rounds, "--rounds", in: 2...10_000)
    }

    func run() throws {
        let clock = ContinuousClock()
        var tokenizer: any Tokenizer = ByteTokenizer()
        let loading = try clock.measure {
            if let path = self.tokenizer { tokenizer = try TokenizerFile.read(path.url) }
        }
        let documents = try files.map { [UInt8](try Data(contentsOf: $0.url)) }
        let megabytes = Double(documents.reduce(0) { $0 + $1.count }) / 1e6
        var count = 0
        let speeds = (0..<rounds).map { _ in
            count = 0
            let time = clock.measure { for document in documents { count += tokenizer.encode(document).count } }
            return megabytes / (time / .seconds(1))
        }
        let warm = speeds.dropFirst().sorted()[(rounds - 1) / 2]
        if json {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count * 4)
            for document in documents {
                for token in tokenizer.encode(document) {
                    withUnsafeBytes(of: token.littleEndian) { bytes.append(contentsOf: $0) }
                }
            }
            let value: JSONValue = [
                "megabytes": .number(megabytes), "tokens": .integer(count),
                "firstMegabytesPerSecond": .number(speeds[0]),
                "megabytesPerSecond": .number(warm), "loadSeconds": .number(loading / .seconds(1)),
                "digest": .string(SHA256.hex(of: bytes)),
            ]
            print(try value.text())
        } else {
            var table = TextTable(["tokenizer", tokenizer.name])
            table.add(["text", Formatting.bytes(megabytes * 1e6)])
            table.add(["tokens", String(count)])
            table.add(["MB/s, first time", Formatting.fixed(speeds[0], 1)])
            table.add(["MB/s", Formatting.fixed(warm, 1)])
            print(table.terminalText)
        }
    }
}
