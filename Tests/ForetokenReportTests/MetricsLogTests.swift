import Foundation
import Testing

@testable import ForetokenReport

@Suite struct MetricsLogTests {
    private func file() -> URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("metrics-\(UUID().uuidString).jsonl")
    }

    @Test func recordsRoundTripAndCuttingBackKeepsTheRest() throws {
        let url = file()
        defer { try? FileManager.default.removeItem(at: url) }
        let log = try MetricsLog(url)
        for step in 1...4 {
            try log.append(
                kind: "train", step: step,
                [("loss", .numbers([0.1 + 0.2, .nan])), ("note", .text("a \"b\"\n")), ("bytes", .integer(7))])
        }
        let handle = try FileHandle(forWritingTo: url)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"torn".utf8))
        try MetricsLog.cutBack(url, toStep: 2)
        let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 2)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
        #expect(object["step"] as? Int == 2)
        #expect(lines[1].contains("[0.30000000000000004,\"nan\"]"))
        #expect((object["loss"] as? [Any])?.last as? String == "nan")
        #expect(object["note"] as? String == "a \"b\"\n")
    }

    /// If reading did not return the exact numbers, a resumed run would have other values in TensorBoard.
    @Test func numbersAreReadBackExactly() throws {
        var state: UInt64 = 1
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = Double(state >> 11) * 0x1p-50
            let line = "{\"kind\":\"train\",\"step\":7,\"loss\":[\(value),\"-inf\"],\"rate\":\(value)}"
            let record = try #require(MetricsRecord(line: Data(line.utf8)))
            let expected: [(String, MetricsValue)] = [
                ("loss", .numbers([value, -.infinity])), ("rate", .number(value)),
            ]
            #expect(record == MetricsRecord(kind: "train", step: 7, expected))
        }
    }

    @Test func garbageInTheMiddleIsNamedByItsLine() throws {
        let url = file()
        defer { try? FileManager.default.removeItem(at: url) }
        try Data("{\"kind\":\"train\",\"step\":1}\ngarbage\n{\"kind\":\"train\",\"step\":2}\n".utf8).write(to: url)
        #expect(throws: MetricsError.malformed(file: url.relativePath, line: 2)) {
            try MetricsLog.cutBack(url, toStep: 9)
        }
    }

    @Test func numbersAreShortForPeople() {
        #expect(Formatting.count(1_234_567) == "1.23M")
        #expect(Formatting.count(12) == "12")
        #expect(Formatting.bytes(1536) == "1.5 KiB")
        #expect([3, 192, 7500].map(Formatting.duration) == ["3s", "3m12s", "2h05m"])
        #expect(Formatting.duration(.infinity) == "?")
        let line = ProgressLine.line(step: 5, total: 10, tokensPerSecond: 1000, losses: [1, 2], secondsLeft: 61)
        #expect(line == "step 5/10  1k tokens/s  1m01s left  loss 1.000 2.000")
    }

    @Test func columnsAreAligned() {
        var table = TextTable(["name", "n"])
        table.add(["a", "100"])
        table.add(["long name", "2"])
        #expect(table.text == "name         n\na          100\nlong name    2")
    }
}
