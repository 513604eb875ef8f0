import Foundation
import Testing

@testable import ForetokenFormats

/// Damaged files: each is refused with a sentence, or read without leaving its bytes. None ends the program.
struct GGUFHostileTests {
    /// Opens and reads bytes; the message if they are refused.
    private func refusal(_ bytes: [UInt8]) throws -> String? {
        do {
            _ = try GGUFFile(bytes: bytes).readEverything()
            return nil
        } catch let error as GGUFError {
            return error.description
        }
    }

    @Test(arguments: ["values.gguf", "types.gguf"])
    func everyTruncationIsRefused(_ name: String) throws {
        let bytes = try Array(Data(contentsOf: ggufFixture(name)))
        let file = try GGUFFile(contentsOf: ggufFixture(name))
        let needed = file.entries.map(\.byteRange.upperBound).max() ?? 0
        for count in 0..<bytes.count {
            let text = try refusal(Array(bytes.prefix(count)))
            #expect((text == nil) == (count >= needed), "\(count): \(text ?? "accepted")")
        }
    }

    @Test(arguments: ["values.gguf", "types.gguf"])
    func everyByteMayBeAnything(_ name: String) throws {
        let original = try Array(Data(contentsOf: ggufFixture(name)))
        let header = try GGUFFile(contentsOf: ggufFixture(name)).entries.map(\.byteRange.lowerBound).min() ?? 0
        var bytes = original
        for position in 0..<header {
            for value in [0, 1, 2, 9, 0x20, 0x7F, 0x80, 0xFF, original[position] ^ 1, original[position] &+ 1]
                as [UInt8]
            where value != original[position] {
                bytes[position] = value
                if let text = try refusal(bytes) { #expect(!text.isEmpty) }
                bytes[position] = original[position]
            }
        }
        // Lengths and offsets near the bounds of 64 bits.
        for position in 0..<(header - 8) {
            for value in [UInt64.max, UInt64(Int64.max), 1 << 63, 1 << 32, UInt64(original.count)] {
                var changed = original
                withUnsafeBytes(of: value.littleEndian) { changed.replaceSubrange(position..<(position + 8), with: $0) }
                if let text = try refusal(changed) { #expect(!text.isEmpty) }
            }
        }
    }

    /// One defect each, and what the sentence must name.
    @Test func everyRuleIsKept() throws {
        func file(_ tensors: [(String, [UInt64], UInt32, UInt64)], data: Int = 256) -> [UInt8] {
            var file = GGUFBytes(tensors: UInt64(tensors.count), values: 0)
            for tensor in tensors { file.tensor(tensor.0, tensor.1, tensor.2, tensor.3) }
            file.pad(then: data)
            return file.bytes
        }
        func value(_ key: String, _ type: UInt32, _ write: (inout GGUFBytes) -> Void) -> [UInt8] {
            var file = GGUFBytes(tensors: 0, values: 1)
            file.value(key, type)
            write(&file)
            return file.bytes
        }
        #expect(try refusal(file([("a", [4], 0, 0), ("b", [4], 0, 32)])) == nil)
        #expect(try refusal(file([("a", [], 0, 0)])) == nil)
        var repeated = GGUFBytes(tensors: 0, values: 2)
        for _ in 0..<2 {
            repeated.value("k", 0)
            repeated.number(UInt8(1))
        }
        var deep = GGUFBytes(tensors: 0, values: 1)
        deep.value("deep", 9)
        for _ in 0..<100_000 {
            deep.number(UInt32(9))
            deep.number(UInt64(1))
        }
        let cases: [(String, [UInt8], [String])] = [
            ("magic", Array("GGML".utf8) + [3, 0, 0, 0], ["GGUF"]),
            ("empty", [], ["GGUF"]),
            ("big-endian", Array("GGUF".utf8) + [0, 0, 0, 3], ["big-endian"]),
            ("version 1", GGUFBytes(version: 1, tensors: 0, values: 0).bytes, ["version 1"]),
            ("version 4", GGUFBytes(version: 4, tensors: 0, values: 0).bytes, ["version 4"]),
            ("counts", GGUFBytes(tensors: .max, values: .max).bytes, ["tensors"]),
            ("key twice", repeated.bytes, ["'k'", "second"]),
            ("nesting", deep.bytes, ["nested", "'deep'"]),
            ("value type", value("k", 13) { $0.number(0) }, ["13", "'k'"]),
            ("boolean", value("k", 7) { $0.number(UInt8(2)) }, ["boolean", "'k'"]),
            ("alignment 0", value("general.alignment", 4) { $0.number(UInt32(0)) }, ["general.alignment"]),
            ("alignment 48", value("general.alignment", 4) { $0.number(UInt32(48)) }, ["power of two"]),
            ("alignment type", value("general.alignment", 10) { $0.number(UInt64(32)) }, ["uint32"]),
            ("tensor twice", file([("a", [4], 0, 0), ("a", [4], 0, 32)]), ["second", "'a'"]),
            ("name", file([("\u{1B}[31m", [4], 0, 0)]), ["ASCII"]),
            ("no name", file([("", [4], 0, 0)]), ["name"]),
            ("rank", file([("a", [1, 1, 1, 1, 1], 0, 0)]), ["'a'", "5 dimensions"]),
            ("removed type", file([("a", [32], 4, 0)]), ["'a'", "Q4_2", "Q4_0"]),
            ("other type", file([("a", [256], 10, 0)]), ["'a'", "Q2_K", "Q4_K"]),
            ("unknown type", file([("a", [32], 4711, 0)]), ["4711"]),
            ("blocks", file([("a", [33], 2, 0)]), ["'a'", "33", "Q4_0", "32"]),
            ("size", file([("a", [1 << 40, 1 << 40], 0, 0)]), ["'a'", "too large"]),
            ("dimension", file([("a", [.max], 0, 0)]), ["'a'", "\(UInt64.max)"]),
            ("row", file([("a", [1 << 62], 0, 0)]), ["'a'"]),
            ("unaligned", file([("a", [4], 0, 8)]), ["'a'", "multiple", "32"]),
            ("beyond", file([("a", [4], 0, 256)]), ["'a'", "256"]),
            ("far", file([("a", [4], 0, .max - 31)]), ["'a'"]),
            ("overlap", file([("a", [40], 0, 0), ("b", [4], 0, 32)]), ["'b'", "'a'", "overlap"]),
            ("inside", file([("a", [4], 0, 32), ("b", [64], 0, 0)]), ["overlap"]),
        ]
        for (name, bytes, words) in cases {
            let text = try #require(try refusal(bytes), "\(name)")
            for word in words { #expect(text.contains(word), "\(name): \(text)") }
            #expect(text.count < 1000 && !text.contains("\u{1B}"), "\(name)")
        }
    }
}
