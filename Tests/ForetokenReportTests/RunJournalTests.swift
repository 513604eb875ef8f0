import Foundation
import Testing

@testable import ForetokenReport

@Suite struct RunJournalTests {
    private func append(_ journal: RunJournal, _ steps: ClosedRange<Int>) throws {
        for step in steps {
            try journal.append(
                kind: "train", step: step, [("loss", .numbers([1 / Double(step), 2])), ("note", .text("x"))])
        }
    }

    @Test func whatIsWrittenDownIsInAllThreeFiles() throws {
        let run = try RunDirectory()
        let journal = try RunJournal(folder: run.url)
        try append(journal, 1...5)
        journal.writeReport()
        #expect(try RunHistory(contentsOf: RunRecord.metrics(in: run.url)).count == 5)
        let page = PageParser(try String(contentsOf: RunRecord.report(in: run.url), encoding: .utf8))
        #expect(page.lines.map { points(of: $0.path).count } == [5, 5])
        let events = EventFile.files(in: run.url)
        #expect(events.count == 1)
        #expect(EventFile.times(in: events[0]).keys.sorted() == Array(0...5))
    }

    /// Killed at step 9 and resumed from step 4, a run has one file with every step once, at the time of its first writing.
    @Test func aResumedRunHasOneEventFileWithoutTheStepsThatWereTakenBack() throws {
        let run = try RunDirectory()
        var journal = try RunJournal(folder: run.url)
        try append(journal, 1...9)
        let before = EventFile.files(in: run.url)
        let times = EventFile.times(in: before[0])
        try MetricsLog.cutBack(RunRecord.metrics(in: run.url), toStep: 4)
        journal = try RunJournal(folder: run.url)
        let after = EventFile.files(in: run.url)
        #expect(after.count == 1)
        #expect(after[0].lastPathComponent > before[0].lastPathComponent)
        var found = EventFile.times(in: after[0])
        #expect(found.keys.sorted() == Array(0...4))
        #expect((1...4).allSatisfy { found[$0] == times[$0] })
        try append(journal, 5...6)
        found = EventFile.times(in: after[0])
        #expect(found.keys.sorted() == Array(0...6))
    }

    @Test func aTornOrForeignEventFileIsReadAsFarAsItIsWhole() throws {
        let run = try RunDirectory()
        try append(try RunJournal(folder: run.url), 1...3)
        let url = EventFile.files(in: run.url)[0]
        let data = try Data(contentsOf: url)
        for length in 0...data.count {
            try data.prefix(length).write(to: url)
            let steps = EventFile.times(in: url).keys.sorted()
            #expect(steps == Array([0, 1, 2, 3].prefix(steps.count)))
        }
        try (data.prefix(20) + Data(repeating: 0xFF, count: 200)).write(to: url)
        #expect(EventFile.times(in: url).count <= 1)
    }

    @Test func theReportFollowsAFolderThatIsMoved() throws {
        let run = try RunDirectory()
        var folder = run.url
        let journal = try RunJournal(folder: folder)
        try append(journal, 1...2)
        folder = run.url.deletingLastPathComponent().appendingPathComponent("moved")
        try FileManager.default.moveItem(at: run.url, to: folder)
        try append(journal, 3...4)
        journal.writeReport()
        let page = PageParser(try String(contentsOf: RunRecord.report(in: folder), encoding: .utf8))
        #expect(page.lines.map { points(of: $0.path).count } == [4, 4])
        #expect(EventFile.times(in: EventFile.files(in: folder)[0]).count == 5)
    }

    @Test func withoutAPlaceForReportAndEventsTheRunGoesOn() throws {
        let run = try RunDirectory()
        let journal = try RunJournal(folder: run.url)
        try FileManager.default.createDirectory(
            at: run.url.appendingPathComponent("report.html/x"), withIntermediateDirectories: true)
        try append(journal, 1...2)
        journal.writeReport()
        #expect(try RunHistory(contentsOf: RunRecord.metrics(in: run.url)).count == 2)
    }
}
