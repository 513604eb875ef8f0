import Foundation
import Testing

@testable import ForetokenFiles

/// Results of a run of ten lines `{"index":i,"run":"a","value":…}`.
struct ResultsFileTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    private func beginning(_ index: Int) -> JSONObject {
        var object = JSONObject()
        (object["index"], object["run"]) = (.integer(index), "a")
        return object
    }

    /// - Returns: the number of existing lines, and the file after appending another one.
    private func resume(_ url: URL, inputs: [URL] = []) throws -> (Int, String) {
        var count = 0
        let file = try ResultsFile(resuming: url, inputs: inputs) { node, _ in
            guard count < 10, node.has(beginning(count)) else { return false }
            _ = try node["value"].integer()
            count += 1
            return true
        } unfinished: {
            count < 10 ? [.object(beginning(count))] : []
        }
        var line = beginning(count)
        line["value"] = 7
        try file.append(.object(line))
        return (count, try String(contentsOf: url, encoding: .utf8))
    }

    private func line(_ index: Int) -> String { "{\"index\":\(index),\"run\":\"a\",\"value\":7}" }

    /// A run killed after any byte resumes and produces the same file.
    @Test func aCutAnywhereIsMended() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("r.jsonl")
        let whole = Array((0..<3).map { line($0) + "\n" }.joined().utf8)
        for end in 0...whole.count {
            try Data(whole.prefix(end)).write(to: url)
            let lines = whole.prefix(end).count { $0 == 0x0A }
            // A line that lacks only its newline is complete.
            let isDone = end < whole.count && whole[end] == 0x0A
            let (known, text) = try resume(url)
            #expect(known == lines + (isDone ? 1 : 0))
            #expect(text == (0...known).map { line($0) + "\n" }.joined())
        }
        try FileManager.default.removeItem(at: url)
        #expect(try resume(url) == (0, line(0) + "\n"))
    }

    @Test(arguments: [
        "my thesis", "{\"prompt\":\"x\"}", "{\"index\":0,\"run\":\"b\",\"value\":7}",
        "{\"index\":1,\"run\":\"a\",\"value\":7}",
        "{\"index\":0,\"run\":\"a\"", "{\"index\":0,\"run\":\"b\",\"va",
        "{\"index\":0,\"run\":\"a\",\"value\":7}\nnotes",
        "{\"index\":0,\"run\":\"a\",\"value\":\"x\"}\n", "\n", "[0]\n",
    ])
    func whatIsNotOfTheRunIsLeftAsItIs(text: String) throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("r.jsonl")
        try Data(text.utf8).write(to: url)
        // A line that ends before its value may belong to the run.
        if text == "{\"index\":0,\"run\":\"a\"" {
            #expect(try resume(url) == (0, line(0) + "\n"))
            return
        }
        #expect(throws: ResultsFileError.self) { try resume(url) }
        #expect(try String(contentsOf: url, encoding: .utf8) == text)
    }

    /// A lock belongs to the open file, so one process can simulate two.
    @Test func twoRunsDoNotWriteToOneFile() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("r.jsonl")
        let first = try ResultsFile(resuming: url, inputs: []) { _, _ in
            true
        } unfinished: {
            []
        }
        #expect(throws: ResultsFileError.inUse(file: url.relativePath)) { try resume(url) }
        try first.append(["a": 1])
        #expect(try String(contentsOf: url, encoding: .utf8) == "{\"a\":1}\n")
    }

    @Test func inputsPackedFilesAndPipesAreRefused() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("r.jsonl")
        let (link, pipe) = (folder.appendingPathComponent("l.jsonl"), folder.appendingPathComponent("p"))
        try Data().write(to: url)
        #expect(symlink(url.path, link.path) == 0 && mkfifo(pipe.path, 0o600) == 0)
        #expect(throws: ResultsFileError.isInput(file: link.relativePath)) { try resume(link, inputs: [url]) }
        let named = folder.appendingPathComponent("r.jsonl.gz")
        #expect(throws: ResultsFileError.packed(file: named.relativePath)) { try resume(named) }
        try Data([0x1F, 0x8B, 8, 0]).write(to: url)
        #expect(throws: ResultsFileError.packed(file: url.relativePath)) { try resume(url) }
        for path in [pipe, folder, URL(fileURLWithPath: "/dev/null")] {
            #expect(throws: ResultsFileError.self) { try resume(path) }
        }
    }
}
