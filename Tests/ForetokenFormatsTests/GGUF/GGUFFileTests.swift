import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

struct GGUFFileTests {
    /// The bits of every weight against `gguf.quants.dequantize`.
    @Test func everyTypeExpandsToTheReferencesBits() throws {
        let file = try GGUFFile(contentsOf: ggufFixture("types.gguf"))
        let expected = try Data(contentsOf: ggufFixture("types.f32")).withUnsafeBytes {
            Array($0.bindMemory(to: UInt32.self))
        }
        var position = 0
        for entry in file.entries {
            let count = entry.shape.reduce(1, *)
            let floats = try file.withBytes(of: entry.name) { bytes -> [Float] in
                switch entry.type {
                case .f32: (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
                case .f16: (0..<count).map { Float(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: Float16.self)) }
                case .bf16:
                    (0..<count).map {
                        Float(bitPattern: UInt32(bytes.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)) << 16)
                    }
                default: entry.type.expanded(bytes)
                }
            }
            #expect(entry.type.name == entry.name)
            #expect(floats.map(\.bitPattern) == Array(expected[position..<(position + count)]), "\(entry.name)")
            position += count
        }
        #expect(position == expected.count)
        #expect(Set(file.entries.map(\.type)) == Set(GGUFType.allCases))
    }

    /// Scales that are infinite or NaN give what float arithmetic gives, and nothing traps.
    @Test(arguments: GGUFType.allCases.filter(\.isQuantized))
    func everyScaleBitPatternExpands(_ type: GGUFType) {
        var block = (0..<type.blockBytes).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        let position = type == .q6K ? 208 : 0
        for bits in UInt16.min...UInt16.max where bits % 7 == 0 || bits & 0x7C00 == 0x7C00 {
            (block[position], block[position + 1]) = (UInt8(bits & 255), UInt8(bits >> 8))
            let weights = block.withUnsafeBytes(type.expanded)
            let isFinite = Float16(bitPattern: bits).isFinite
            if isFinite != weights.allSatisfy(\.isFinite) { Issue.record("\(type) \(bits)") }
        }
    }

    @Test func everyMetadataTypeIsRead() throws {
        let file = try GGUFFile(contentsOf: ggufFixture("values.gguf"))
        let all = Int.min...Int.max
        for (key, value) in [
            ("UINT8", 200), ("INT8", -100), ("UINT16", 60_000), ("INT16", -30_000), ("UINT32", 4_000_000_000),
            ("INT32", -2_000_000_000), ("UINT64", 9_000_000_000_000_000_000), ("INT64", -9_000_000_000_000_000_000),
        ] {
            #expect(try file.integer(key, in: all) == value)
            #expect(try file.integers(key) == [value])
            #expect(try file.integers("array." + key) == [value, 1])
            #expect(throws: GGUFError.self) { try file.integer(key, in: 1...2) }
            #expect(throws: GGUFError.self) { try file.text(key) }
        }
        // Float32's 0.1 becomes the number that a text would give.
        #expect(try file.double("FLOAT32") == 0.1 && file.double("FLOAT64") == 0.1)
        #expect(try file.bool("BOOL") == true)
        #expect(try file.text("STRING") == "é" && file.bytes("NOT_UTF8") == [0xFF, 0xFE])
        #expect(throws: GGUFError.metadata(file: file.file, key: "NOT_UTF8", reason: "must be UTF-8")) {
            try file.text("NOT_UTF8")
        }
        #expect(try file.floats("array.FLOAT32") == [0.5, -2])
        #expect(try file.strings("array.STRING") == [Array("a".utf8), [], Array("e\u{301}".utf8)])
        #expect(throws: GGUFError.self) { try file.strings("array.BOOL") }
        #expect(throws: GGUFError.self) { try file.integers("array.ARRAY") }
        #expect(try file.integer("missing", in: all) == nil && file.strings("missing") == nil)
        // Keys are bytes.
        #expect(try file.integer("\u{e9}", in: all) == 1 && file.integer("e\u{301}", in: all) == 2)
        #expect(file.entries.map(\.shape) == [[2, 3], [5]])
        #expect(file.entries.allSatisfy { $0.byteRange.lowerBound.isMultiple(of: 64) })
        try file.withBytes(of: "a") { bytes in
            #expect((0..<6).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) } == [0, 1, 2, 3, 4, 5])
        }
        #expect(throws: GGUFError.noSuchTensor(file: file.file, tensor: "c")) { try file.withBytes(of: "c") { _ in } }
    }

    @Test func versionTwoIsTheSame() throws {
        let folder = try TemporaryFolder()
        var bytes = try Array(Data(contentsOf: ggufFixture("types.gguf")))
        bytes[4] = 2
        let two = try GGUFFile(contentsOf: folder.write(bytes))
        let three = try GGUFFile(contentsOf: ggufFixture("types.gguf"))
        #expect(two.keys == three.keys && two.entries.map(\.byteRange) == three.entries.map(\.byteRange))
    }

    /// Our writer's files give back every value and byte.
    @Test func whatIsWrittenIsReadBack() throws {
        let url = try TemporaryFolder().url.deletingLastPathComponent().appendingPathComponent(
            "\(UUID().uuidString).gguf")
        defer { try? FileManager.default.removeItem(at: url) }
        let data = GGUFType.allCases.map { type in
            (0..<(2 * type.blockBytes)).map { UInt8(truncatingIfNeeded: $0 * 31) }
        }
        try GGUFWriter.write(
            to: url,
            metadata: [
                ("a", .uint32(4_000_000_000)), ("b", .float32(1e-5)), ("c", .bool(true)), ("d", .string("e\u{301}")),
                ("e", .int32s([-1, 7])), ("f", .strings(["", "x"])),
            ],
            tensors: zip(GGUFType.allCases, data).map { type, bytes in
                GGUFTensor(name: type.name, shape: [2, type.blockSize], type: type, byteCount: bytes.count) { write in
                    try bytes.withUnsafeBytes(write)
                }
            })
        let file = try GGUFFile(contentsOf: url)
        #expect(try file.integer("a", in: 0 ... .max) == 4_000_000_000 && file.double("b") == 1e-5)
        #expect(try file.bool("c") == true && file.bytes("d") == Array("e\u{301}".utf8))
        #expect(try file.integers("e") == [-1, 7] && file.strings("f") == [[], [UInt8(ascii: "x")]])
        for (type, bytes) in zip(GGUFType.allCases, data) {
            #expect(file.entry(type.name)?.shape == [2, type.blockSize] && file.entry(type.name)?.type == type)
            #expect(try file.withBytes(of: type.name) { Array($0) } == bytes)
        }
    }
}
