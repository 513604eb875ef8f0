import Foundation

@testable import Torch

/// A folder that goes away with its last reference.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func file(_ name: String = "model.safetensors") -> URL {
        url.appendingPathComponent(name)
    }

    func write(_ bytes: [UInt8], as name: String = "model.safetensors") throws -> URL {
        let file = file(name)
        try Data(bytes).write(to: file)
        return file
    }

    /// The names in the folder, hidden ones too.
    func contents() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): tests that draw at random draw the same every time.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A file made by the reference implementation; see make_fixtures.py beside them.
func safetensorsFixture(_ name: String) throws -> URL {
    struct NoFixtures: Error {}
    guard let folder = Bundle.module.resourceURL else { throw NoFixtures() }
    return folder.appendingPathComponent("Fixtures/safetensors/\(name)")
}

/// The bytes of a safetensors file with any header and buffer, right or wrong.
func safetensorsBytes(header: String, data: [UInt8] = [], declaring length: UInt64? = nil) -> [UInt8] {
    safetensorsBytes(header: Array(header.utf8), data: data, declaring: length)
}

func safetensorsBytes(header: [UInt8], data: [UInt8] = [], declaring length: UInt64? = nil) -> [UInt8] {
    let declared = length ?? UInt64(header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: declared >> (8 * $0)) } + header + data
}

extension SafetensorsFile {
    func bytes(of name: String) throws -> [UInt8] {
        try withBytes(of: name) { Array($0) }
    }
}

/// The error an expression throws as `E`, or nil.
func thrown<E: Error>(_ type: E.Type = E.self, _ body: () throws -> Void) -> E? {
    do {
        try body()
        return nil
    } catch {
        return error as? E
    }
}
