import ForetokenReport
import Foundation

/// Progress of a study, for whoever started it to show.
public enum StudyEvent: Sendable {
    /// A run that is being trained or measured.
    public struct ActiveRun: Sendable {
        /// The run's name.
        public let name: String
        /// `train`, or `evaluate` with the measurement's name.
        public let stage: String
        let folder: URL
        let isTraining: Bool

        /// The last step in the run's metrics; nil unless it is being trained. Read from the file.
        public var step: Int? { isTraining ? Self.lastStep(in: folder) : nil }

        private static func lastStep(in folder: URL) -> Int? {
            let url = RunRecord.metrics(in: folder)
            guard let file = try? FileHandle(forReadingFrom: url), let end = try? file.seekToEnd() else { return nil }
            defer { try? file.close() }
            try? file.seek(toOffset: end - min(end, 1 << 14))
            guard let text = try? file.readToEnd() else { return nil }
            return text.split(separator: UInt8(ascii: "\n")).reversed().lazy.compactMap {
                MetricsRecord(line: Data($0))?.step
            }
            .first
        }
    }

    /// A run that is trained and measured.
    public struct FinishedRun: Sendable {
        /// The run's name.
        public let name: String
        /// Its measured values, such as `bits/byte 2.125`.
        public let values: [String]
        /// Seconds that the remaining runs will take at the speed so far; nil when none remains.
        public let secondsLeft: Double?
    }

    /// The study waits until runs of an earlier process have saved their state.
    case waiting(folder: String)
    /// Some runs were finished by an earlier process.
    case resuming(done: Int, total: Int)
    /// The runs being worked on; sent at most twice a second.
    case working([ActiveRun], done: Int, total: Int)
    /// A run is finished.
    case finished(FinishedRun, done: Int, total: Int)
    /// A run failed; the others continue.
    case failed(run: String, reason: String)
}
