import ForetokenFiles
import Foundation
import TestSupport
import Testing

@testable import ForetokenText

@Suite struct UnpackingTests {
    /// The output of `gzip -n` and `zstd` (1.5.4, with checksum) for "one\ntwo\nthree\n".
    static let text = "one\ntwo\nthree\n"
    static let gzip = [UInt8](
        base64: "H4sIAAAAAAAAA8vPS+UqKc/nKskoSk3lAgC21eYlDgAAAA==")
    static let zstd = [UInt8](base64: "KLUv/QRYcQAAb25lCnR3bwp0aHJlZQqkWIk0")

    private func contents(_ bytes: [UInt8], in folder: TemporaryFolder) throws -> [UInt8] {
        let url = folder.url.appendingPathComponent("x")
        try Data(bytes).write(to: url)
        return try UnpackingReader(url).contents(limit: 1 << 30)
    }

    @Test(arguments: [gzip, zstd]) func packedFilesReadAsTheirTextMembersAfterOneAnother(packed: [UInt8]) throws {
        let folder = try TemporaryFolder()
        #expect(try contents(packed, in: folder) == Array(Self.text.utf8))
        #expect(try contents(packed + packed, in: folder) == Array((Self.text + Self.text).utf8))
        for cut in 4..<packed.count {
            #expect(throws: FileFailure.self, "cut at \(cut)") { try contents(Array(packed[..<cut]), in: folder) }
        }
        #expect(throws: FileFailure.self) { try contents(packed + Array("garbage".utf8), in: folder) }
        guard packed == Self.gzip else { return }
        let padding = [UInt8](repeating: 0, count: 300_000)
        #expect(try contents(packed + padding, in: folder) == Array(Self.text.utf8))
        #expect(try contents(packed + padding + packed, in: folder) == Array((Self.text + Self.text).utf8))
    }

    @Test func plainFilesReadAsTheyAreAndWhatIsNoFileIsRefused() throws {
        let folder = try TemporaryFolder()
        for text in ["", "a", String(repeating: "line\n", count: 100_000)] {
            #expect(try contents(Array(text.utf8), in: folder) == Array(text.utf8))
        }
        let pipe = folder.url.appendingPathComponent("pipe")
        mkfifo(pipe.path, 0o600)
        for path in [pipe, folder.url, URL(fileURLWithPath: "/dev/zero"), folder.url.appendingPathComponent("none")] {
            #expect(throws: FileFailure.self) { try UnpackingReader(path) }
        }
    }

    @Test func whatUnpacksToTooMuchIsRefusedWithoutTheMemory() throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appendingPathComponent("x")
        try Data(Self.gzip + Self.gzip).write(to: url)
        let error = #expect(throws: FileFailure.self) { try UnpackingReader(url).contents(limit: 20) }
        #expect(error?.reason.contains("more than 20 bytes") == true)
    }

    @Test(arguments: [gzip, zstd]) func damagedFilesNeverCrash(packed: [UInt8]) throws {
        let folder = try TemporaryFolder()
        var random = SplitMix64(seed: 3)
        var refused = 0
        let count = ProcessInfo.processInfo.environment["FORETOKEN_MUTATIONS"].flatMap(Int.init) ?? 300
        for _ in 0..<count {
            var bytes = packed
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            do { _ = try contents(bytes, in: folder) } catch { refused += 1 }
        }
        #expect(refused > count / 2)
    }

    @Test func aTextOfManyBlocksComesBackWhole() throws {
        let folder = try TemporaryFolder()
        var random = SplitMix64(seed: 5)
        let text = (0..<3_000_000).map { _ in UInt8.random(in: 97...105, using: &random) }
        let url = folder.url.appendingPathComponent("plain")
        try Data(text).write(to: url)
        for program in ["/usr/bin/gzip", "/usr/bin/zstd"] where FileManager.default.isExecutableFile(atPath: program) {
            #expect(try contents([UInt8](output(program, ["-c", url.path])), in: folder) == text)
        }
    }
}

extension [UInt8] {
    init(base64: String) { self = [UInt8](Data(base64Encoded: base64) ?? Data()) }
}
