import ForetokenFiles
import Foundation
import Testing

/// A temporary folder, removed at the end.
final class Scratch {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// Changes a JSON file's object.
func edit(_ url: URL, _ change: (inout JSONObject) -> Void) throws {
    var object = try JSONNode(contentsOf: url).object()
    change(&object)
    try JSONValue.object(object).write(to: url)
}

/// The message of the error that `body` throws.
func sentence(_ comment: Comment? = nil, _ body: () throws -> Void) -> String {
    let error = #expect(throws: (any Error).self, comment, performing: body)
    return error.map { "\($0)" } ?? ""
}

/// Deterministic random numbers.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) ^ (state << 31) ^ state
    }
}
