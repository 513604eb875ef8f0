import Foundation

@testable import ForetokenFormats

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
