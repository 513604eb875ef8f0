import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenFormats

/// Damaged files by the thousand, the same ones every time: whatever happens, no crash, and what is accepted is sound.
struct SafetensorsMutationTests {
    /// `FORETOKEN_MUTATIONS=1000000` makes a long run, `FORETOKEN_MUTATION_SEED` another one; a folder in
    /// `FORETOKEN_MUTATION_KEEP` receives every input as `NNNNNNN-ok` or `NNNNNNN-no`, for another reader to judge.
    private static func setting(_ name: String) -> String? {
        ProcessInfo.processInfo.environment["FORETOKEN_MUTATION" + name]
    }

    @Test func survivesMutatedFiles() throws {
        let count = Self.setting("S").flatMap(Int.init) ?? 4000
        let seed = Self.setting("_SEED").flatMap(UInt64.init) ?? 1
        var mutator = Mutator(seed: seed)
        let originals = try [
            "dtypes.safetensors", "values.safetensors", "sharded/model-00001-of-00002.safetensors",
        ].map { try Array(Data(contentsOf: safetensorsFixture($0))) }
        let folder = try TemporaryFolder()
        var accepted = 0
        for index in 0..<count {
            let bytes = mutator.mutate(originals[index % originals.count])
            let url = try folder.write(bytes)
            let file: SafetensorsFile
            do {
                file = try SafetensorsFile(contentsOf: url)
            } catch {
                #expect(!error.description.isEmpty)
                try keep(bytes, index: index, verdict: "no")
                continue
            }
            accepted += 1
            try keep(bytes, index: index, verdict: "ok")
            let header = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            try expectSound(file, data: Array(bytes[(8 + header)...]))
        }
        // Damage to tensor bytes is no damage to the format: were nothing accepted, nothing would have been checked.
        #expect(accepted > count / 50 && accepted < count / 2)
        if Self.setting("S") != nil {
            print("mutations: \(count) inputs, \(accepted) accepted, seed \(seed)")
        }
    }

    private func keep(_ bytes: [UInt8], index: Int, verdict: String) throws {
        guard let folder = Self.setting("_KEEP") else { return }
        try Data(bytes).write(
            to: URL(fileURLWithPath: folder).appendingPathComponent("\(1_000_000 + index)-\(verdict)"))
    }

    /// The tensors read one after another are the buffer, and each has the bytes its shape says.
    private func expectSound(_ file: SafetensorsFile, data: [UInt8]) throws {
        var joined: [UInt8] = []
        for name in file.names {
            let entry = try file.entry(name)
            #expect(
                entry.shape.reduce(1.0) { $0 * Double($1) } * Double(entry.dtype.bits) == Double(entry.byteCount * 8))
            joined += try file.bytes(of: name)
        }
        #expect(joined == data)
        #expect(file.tensors.count == file.names.count)
    }
}

/// Changes bytes as accidents and adversaries do: flips, cuts, repeats, and puts the format's own words in wrong places.
private struct Mutator {
    private var generator: SplitMix64

    private static let words = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "__metadata__", "dtype", "shape", "data_offsets",
        "F32", "U8", "BOOL", "F4", "0", "-1", "1e9", "9223372036854775807", "18446744073709551616", "null", "true", " ",
        "\n", "\u{0}", "[]", "{}", "[0,0]", "[[[[[[", "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},",
    ].map { Array($0.utf8) }

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    mutating func mutate(_ original: [UInt8]) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            mutateOnce(&bytes)
        }
        // Half the time the length is made right again, so that damage reaches further than the first check.
        if Bool.random(using: &generator), bytes.count >= 8, original.count >= 8 {
            let header = original[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            let length = max(0, header + bytes.count - original.count)
            for index in 0..<8 { bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
        }
        return bytes
    }

    private mutating func mutateOnce(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, position + Int.random(in: 1...40, using: &generator))
        switch Int.random(in: 0..<9, using: &generator) {
        case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 2: bytes.removeSubrange(position..<end)
        case 3: bytes.insert(contentsOf: bytes[position..<end], at: Int.random(in: 0...bytes.count, using: &generator))
        case 4: bytes.removeSubrange(position...)
        case 5: bytes.insert(contentsOf: Self.words.randomElement(using: &generator) ?? [], at: position)
        case 6:
            let word = Self.words.randomElement(using: &generator) ?? []
            bytes.replaceSubrange(position..<min(bytes.count, position + word.count), with: word)
        case 7:
            // A digit for a digit, which keeps the JSON whole and changes what it says.
            let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
            if let index = digits.randomElement(using: &generator) {
                bytes[index] = UInt8.random(in: 0x30...0x39, using: &generator)
            }
        default:
            bytes[Int.random(in: 0..<min(8, bytes.count), using: &generator)] = UInt8.random(
                in: 0...255, using: &generator)
        }
    }
}
