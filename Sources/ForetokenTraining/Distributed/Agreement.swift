import ForetokenModel
import Torch

extension World {
    /// Compares a digest between the ranks.
    ///
    /// - Throws: ``WorldError/differs(what:ranks:remedy:)`` on every rank, with those that differ from rank 0.
    func requireEqual(_ what: String, _ digest: UInt64, remedy: String) throws {
        guard size > 1 else { return }
        // A double holds 53 bits.
        var halves = [Double](repeating: 0, count: 2 * size)
        halves[2 * rank] = Double(digest >> 32)
        halves[2 * rank + 1] = Double(digest & 0xFFFF_FFFF)
        let all = try sum(halves)
        let others = (1..<size).filter { all[2 * $0] != all[0] || all[2 * $0 + 1] != all[1] }
        guard others.isEmpty else { throw WorldError.differs(what: what, ranks: others, remedy: remedy) }
    }

    /// Returns rank 0's text on every rank.
    func textOfRank0(_ text: String) throws -> String {
        guard size > 1 else { return text }
        let bytes = Array(text.utf8)
        let count = Int(exactly: try sum([rank == 0 ? Double(bytes.count) : 0])[0]) ?? 0
        let values = try sum(rank == 0 ? bytes.map(Double.init) : [Double](repeating: 0, count: count))
        return String(decoding: values.map { UInt8(exactly: $0) ?? 0 }, as: UTF8.self)
    }

    /// Compares the recipes, and names the keys in which they differ.
    ///
    /// - Throws: ``WorldError/differs(what:ranks:remedy:)``.
    func requireSame(_ recipe: Recipe) throws {
        guard size > 1 else { return }
        let first = try Recipe(yaml: textOfRank0(recipe.yaml), file: "recipe of rank 0")
        let keys = recipe.differingKeys(from: first)
        let differs = try sum((0..<size).map { $0 == rank && !keys.isEmpty ? 1 : 0 })
        let ranks = differs.indices.filter { differs[$0] > 0 }
        guard ranks.isEmpty else {
            let named = keys.isEmpty ? "" : " (\(keys.joined(separator: ", ")))"
            throw WorldError.differs(
                what: "the recipe\(named)", ranks: ranks, remedy: "start all ranks with the same recipe and --set")
        }
    }
}

/// A 64-bit digest of bytes that detects accidental differences; it is not cryptographic.
struct QuickDigest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ word: UInt64) {
        value = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
        value ^= value >> 29
    }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        let words = bytes.count / 8
        for index in 0..<words { add(bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) }
        for byte in bytes[(words * 8)...] { add(UInt64(byte)) }
        add(UInt64(bytes.count))
    }
}

extension MultiTokenModel {
    /// A digest of all weights, bit by bit.
    var weightsDigest: UInt64 {
        var digest = QuickDigest()
        for parameter in parameters { parameter.tensor.withUnsafeBytes { digest.add($0) } }
        return digest.value
    }
}
