import ForetokenText
import Foundation

@testable import ForetokenFiles
@testable import ForetokenFormats

/// The readers of files that others made.
enum FuzzedReader: String, CaseIterable, Sendable {
    case safetensors
    /// The zip archive of `torch.save`.
    case torchFile
    /// The pickle inside it, which the archive's checksum would keep damage from.
    case pickle
    case tokenShard
    case tokenizer
    case json

    /// Inputs of a run in the ordinary suite: a second's worth.
    var quickCount: Int {
        switch self {
        case .safetensors, .torchFile, .tokenShard: 1500
        case .pickle: 6000
        case .tokenizer: 50
        case .json: 500
        }
    }

    /// Reads a file through to its last element; false if it was refused.
    ///
    /// Whatever is thrown is an answer; a crash, a wait and memory without end are not.
    func accepts(_ bytes: [UInt8], at url: URL) throws -> Bool {
        do {
            switch self {
            case .safetensors:
                let file = try SafetensorsFile(contentsOf: url)
                for name in file.names { _ = try file.withBytes(of: name) { CRC32.of($0) } }
            case .torchFile:
                let file = try TorchFile(contentsOf: url)
                for name in file.names { _ = try file.withBytes(of: name) { CRC32.of($0) } }
            case .pickle: try bytes.withUnsafeBytes(readPickle)
            case .tokenShard:
                let shard = try TokenShard(contentsOf: url)
                for document in 0..<shard.documentCount { _ = shard.document(document) }
            case .tokenizer:
                let tokenizer = try BytePairTokenizer(parsing: bytes, file: "tokenizer.json")
                let tokens = tokenizer.encode(
                    Array("The quick  brown fox,\n\u{301}123 日本 <|endoftext|>".utf8), specialTokens: .parsed)
                _ = tokenizer.decode(tokens)
            case .json:
                let value = try JSONValue(contentsOf: url)
                // What is read can be written, and is then the same.
                let text = try value.text()
                guard try JSONValue(parsing: text, file: "again") == value else { throw Changed() }
            }
            return true
        } catch let error as Changed {
            throw error
        } catch {
            guard !"\(error)".isEmpty else { throw Changed() }
            return false
        }
    }

    /// A value that did not come back as it was, or an error without a sentence.
    struct Changed: Error {}

    private func readPickle(_ bytes: UnsafeRawBufferPointer) throws {
        var machine = PickleMachine(bytes, file: "x")
        for (name, index) in try machine.run() {
            let tensor = machine.tensors[index]
            let storage = machine.storages[tensor.storage]
            // A storage that is really there; larger ones no file of this size could hold.
            guard storage.count <= 1 << 12 else { continue }
            let entry = TorchFileEntry.checked(
                name: name, dtype: storage.dtype, shape: tensor.shape, strides: tensor.strides, offset: tensor.offset,
                record: storage.key, capacity: storage.count)
            if case .success(let entry) = entry {
                let elements = [UInt8](repeating: 1, count: storage.count * storage.dtype.byteCount)
                _ = elements.withUnsafeBytes { entry.gathered(from: $0) }
            }
        }
    }

    /// Sound files that the inputs are made of.
    func originals(in folder: URL) throws -> [[UInt8]] {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        func fixtures(_ path: String, _ names: [String]) throws -> [[UInt8]] {
            try names.map { try Array(Data(contentsOf: tests.appendingPathComponent("\(path)/\($0)"))) }
        }
        let torchFiles = ["views", "types", "state_dict", "kept_vars", "without_checksums"].map { "\($0).pth" }
        switch self {
        case .safetensors:
            return try fixtures(
                "ForetokenFormatsTests/Fixtures/safetensors",
                ["dtypes.safetensors", "values.safetensors", "sharded/model-00001-of-00002.safetensors"])
        case .torchFile: return try fixtures("ForetokenFormatsTests/Fixtures/torchfile", torchFiles)
        case .pickle:
            return try fixtures("ForetokenFormatsTests/Fixtures/torchfile", torchFiles).map { bytes in
                try bytes.withUnsafeBytes { buffer in
                    let entries = try ZipArchive(buffer, file: "x").entries
                    return entries.first { $0.name.hasSuffix("data.pkl") }.map { Array(buffer[$0.range]) } ?? []
                }
            }
        case .tokenShard:
            let documents = ["def f():\n    return 1\n", "", String(repeating: "a b ", count: 30)]
            let bytePair = try BytePairTokenizer(
                parsing: fixtures("ForetokenTextTests/Fixtures/tokenizers", ["gpt2.json"])[0], file: "gpt2.json")
            return try [ByteTokenizer() as any Tokenizer, bytePair].map { tokenizer in
                let url = folder.appendingPathComponent("original.tokens")
                let writer = try TokenShardWriter(url, tokenizer: tokenizer)
                for document in documents { try writer.append(tokenizer.encode(document)) }
                try writer.finish()
                return try Array(Data(contentsOf: url))
            }
        case .tokenizer:
            return try fixtures("ForetokenTextTests/Fixtures/tokenizers", ["gpt2.json", "llama3.json", "qwen2.json"])
        case .json:
            return try fixtures("ForetokenFormatsTests/Fixtures/safetensors", ["python.json", "python-compact.json"])
                + [Array(#"{"a":[1,-2.5e-3,true,null,"é\u00e9\ud83d\ude00\n"],"b":{"c":{}}}"#.utf8)]
        }
    }

    /// What the format is made of.
    var words: [[UInt8]] {
        let json = [
            "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "null", "true", "1e9", "-1", "1e999",
            "9223372036854775807",
            "18446744073709551616", "0.1e-400", "\n", "\u{0}", "[[[[[[[[", "{\"a\":", "\u{FEFF}", "\\u0000",
        ]
        let own: [String] =
            switch self {
            case .safetensors:
                json + [
                    "__metadata__", "dtype", "shape", "data_offsets", "F32", "U8", "F4", "[0,0]",
                    "\"data_offsets\":[0,0]",
                ]
            case .tokenizer:
                json + [
                    "\"merges\":", "\"vocab\":", "\"added_tokens\":", "\"pre_tokenizer\":", "\"id\":", "\"Ġ\"",
                    "\"type\":\"BPE\"",
                ]
            case .torchFile:
                [
                    "PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "PK\u{6}\u{7}", "PK\u{7}\u{8}",
                    "FB", "data/0", "version",
                ]
            case .pickle:
                [
                    "ctorch\nFloatStorage\n", "ctorch\nBFloat16Storage\n", "ctorch._utils\n_rebuild_tensor_v2\n",
                    "ccollections\nOrderedDict\n)R", "cos\nsystem\n", "(", "t", ")", "}", "u", "s", "R", "b", "Q", "N",
                    ".",
                    "X\u{1}\u{0}\u{0}\u{0}a", "K\u{1}", "h\u{0}", "h\u{1}", "q\u{0}", "J\u{7F}\u{7F}\u{7F}\u{7F}",
                    "M\u{7F}\u{7F}",
                ]
            case .tokenShard: ["FORETOKN", "\u{1}\u{0}\u{0}\u{0}", "\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}"]
            case .json: json
            }
        return own.map { Array($0.utf8) } + [
            [0xFF], [0x80], [0xED, 0xA0, 0x80], [0x85], [0x86], [0x87], [0x88], [0x8A, 8], [0x80, 2],
        ]
    }

    /// Makes the lengths of a changed file right again, half the time, so that damage reaches further than the first check.
    func repair(_ bytes: inout [UInt8], _ mutator: inout Mutator) {
        guard self == .safetensors, bytes.count > 8, mutator.number(in: 0..<2) == 0 else { return }
        // The header ends with the last brace before the data begins; most originals have but one level after it.
        let end = bytes.lastIndex(of: UInt8(ascii: "}")).map { $0 + 1 } ?? bytes.count
        for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: max(0, end - 8) >> (8 * index)) }
    }
}
