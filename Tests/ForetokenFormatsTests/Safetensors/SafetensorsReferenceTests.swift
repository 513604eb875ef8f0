import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

/// Against files that Python's safetensors 0.8 wrote; see Fixtures/safetensors/make_fixtures.py.
struct SafetensorsReferenceTests {
    /// What the reference implementation accepts in a header and what it refuses (Fixtures/safetensors/make_headers.py).
    @Test func acceptsTheHeadersThatTheReferenceAccepts() throws {
        let folder = try TemporaryFolder()
        for row in try JSONNode(contentsOf: safetensorsFixture("headers.json")).array() {
            let header = try #require(Data(base64Encoded: row["header"].string()))
            let expected = try row["accepted"].bool() && row["stricter"].ifPresent == nil
            let url = try folder.write(safetensorsBytes(header: Array(header), data: [0, 0, 0, 0]))
            let isAccepted = (try? SafetensorsFile(contentsOf: url)) != nil
            #expect(isAccepted == expected, "\(String(decoding: header.prefix(200), as: UTF8.self))")
            if isAccepted { #expect(try SafetensorsFile(contentsOf: url).names == ["a"]) }
        }
    }

    @Test func readsEveryTypeAsTheReferenceDoes() throws {
        let file = try SafetensorsFile(contentsOf: safetensorsFixture("dtypes.safetensors"))
        let table = try String(contentsOf: safetensorsFixture("dtypes.tsv"), encoding: .utf8)
        let rows = table.split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
        #expect(rows.count == 24)
        #expect(file.metadata == ["format": "np"])
        #expect(file.tensors.count == rows.count)
        for (row, name) in zip(rows, file.names) {
            let expectedName = try JSONNode(JSONValue(parsing: String(row[0]), file: "dtypes.tsv"), file: "").string()
            let entry = try file.entry(name)
            #expect(name == expectedName)
            #expect(entry.dtype.rawValue == row[1])
            #expect(entry.shape.map(String.init).joined(separator: ",") == row[2])
            let hexadecimal = try file.bytes(of: name).map { byte in
                String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
            }
            #expect(hexadecimal.joined() == row[3])
        }
    }

    @Test func readsValuesThatNumPySaved() throws {
        let file = try SafetensorsFile(contentsOf: safetensorsFixture("values.safetensors"))
        #expect(file.metadata == ["made by": "safetensors.numpy"])
        #expect(try file.entry("float32").shape == [2, 3])
        let floats = try file.withBytes(of: "float32") { bytes in
            (0..<6).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        #expect(floats == [0, -1.5, 3.25, 1e-30, .infinity, .leastNonzeroMagnitude])
        let integers = try file.withBytes(of: "int64") { bytes in
            (0..<3).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
        }
        #expect(integers == [.min, -1, .max])
        #expect(try file.bytes(of: "bool") == [1, 0, 1])
        #expect(try file.entry("bool").dtype == .bool)
    }

    @Test(arguments: [
        "dtypes.safetensors", "values.safetensors", "sharded/model-00001-of-00002.safetensors",
        "sharded/model-00002-of-00002.safetensors",
    ])
    func writesTheReferencesFilesByteForByte(name: String) throws {
        let folder = try TemporaryFolder()
        let original = try SafetensorsFile(contentsOf: safetensorsFixture(name))
        let sources = try original.names.map { try SafetensorsSource(copying: $0, from: original) }
        try SafetensorsWriter.write(to: folder.file(), tensors: sources, metadata: original.metadata)
        #expect(try Data(contentsOf: folder.file()) == Data(contentsOf: original.url))
    }

    @Test func opensAShardedCheckpointOfHuggingFacesForm() throws {
        let checkpoint = try SafetensorsCheckpoint(folder: safetensorsFixture("sharded"))
        #expect(checkpoint.files.count == 2)
        #expect(
            Set(checkpoint.names) == [
                "model.embed_tokens.weight", "model.layers.0.input_layernorm.weight", "lm_head.weight",
            ])
        #expect(checkpoint.byteCount == 108)
        #expect(checkpoint.declaredByteCount == 108)
        let last = try checkpoint.withBytes(of: "lm_head.weight") { bytes in
            bytes.loadUnaligned(fromByteOffset: 44, as: Float.self)
        }
        #expect(last == -11)
    }

    @Test func writesTheIndexByteForByteAsPythonDoes() throws {
        let folder = try TemporaryFolder()
        let original = try SafetensorsCheckpoint(folder: safetensorsFixture("sharded"))
        let sources = try original.names.map { try SafetensorsSource(copying: $0, from: original.file(of: $0)) }
        try SafetensorsCheckpoint.write(to: folder.url, tensors: sources, metadata: ["format": "pt"], shardSize: 60)
        for name in try FileManager.default.contentsOfDirectory(atPath: safetensorsFixture("sharded").path) {
            #expect(
                try Data(contentsOf: folder.file(name))
                    == Data(contentsOf: safetensorsFixture("sharded").appendingPathComponent(name)), "\(name)")
        }
        #expect(try folder.contents().count == 3)
    }
}
