import Foundation
import Testing

@testable import ForetokenReport

@Suite struct EventFileTests {
    /// RFC 3720, appendix B.4, and the check value of the CRC catalogue.
    @Test(
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            ([UInt8](0...31), 0x46DD_794E), ([UInt8]((0...31).reversed()), 0x113F_DB5C),
            ([UInt8]("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func checksumsAreThoseOfTheStandard(bytes: [UInt8], expected: UInt32) {
        #expect(CRC32C.checksum(bytes) == expected)
    }

    /// Bytewise equal to the output of TensorBoard's writer for the same events; see `Fixtures/make_events.py`.
    @Test func recordsAreTensorBoardsOwn() throws {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/events", withExtension: "bin"))
        let records = [
            MetricsRecord(kind: "train", step: 1, [("loss", .numbers([2.5, 0.1])), ("learningRate", .number(3e-4))]),
            MetricsRecord(kind: "train", step: 300, [("peakBytes", .integer(5_000_000_000))]),
            MetricsRecord(kind: "validation", step: 1 << 40, [("loss", .numbers([.infinity, -0.0]))]),
        ]
        let bytes = records.enumerated().flatMap { EventFile.record($1, at: 1_700_000_000.25 + Double($0)) }
        #expect(Data(bytes) == (try Data(contentsOf: url)))
    }

    @Test func aClockThatJumpsBackTurnsNoTimeBackAndTheFileAfterAResumeIsTheLater() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("foretoken-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var now = 1_700_000_000.0
        let records = (1...3).map { MetricsRecord(kind: "train", step: $0, [("loss", .number(1))]) }
        let first = try EventFile(folder: folder, clock: { now }) { _ in }
        let name = try #require(EventFile.files(in: folder).first).lastPathComponent
        try first.append(records[0])
        now -= 86_400
        try first.append(records[1])
        let resumed = try EventFile(folder: folder, clock: { now }) { replay in try records.prefix(2).forEach(replay) }
        try resumed.append(records[2])
        let files = EventFile.files(in: folder)
        #expect(files.count == 1 && name < files[0].lastPathComponent)
        #expect((1...3).map { EventFile.times(in: files[0])[$0] } == [1_700_000_000, 1_700_000_000, 1_700_000_000])
    }
}
