import Foundation
import Synchronization
import Testing
import Torch

@testable import ForetokenDistributed
@testable import ForetokenTraining

/// Collects lines from any thread.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Two ranks in one process: the behaviour of one while the other is late but sends heartbeats.
@Suite(.serialized) struct StuckRankTests {
    private static func world(_ rank: Int, port: UInt16, _ warnings: Lines) throws -> DistributedWorld {
        let placement = try RankPlacement(environment: [
            "RANK": "\(rank)", "WORLD_SIZE": "2", "LOCAL_RANK": "\(rank)", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": "\(port)", "TORCHELASTIC_USE_AGENT_STORE": "True",
        ])
        return try DistributedWorld(
            #require(placement), timeout: .seconds(2), patience: .seconds(8), warn: warnings.append)
    }

    @Test func aRankThatIsLateIsNamedInAWarningAndThenInTheErrorOfAll() throws {
        let store = try RendezvousStore(host: "127.0.0.1", port: 0, serving: true, timeout: .seconds(30))
        let (port, warnings, words) = (store.port, Lines(), Lines())
        let (isToGoOn, hasEnded) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread {
            do {
                let world = try Self.world(1, port: port, warnings)
                _ = try world.sum([2])
                // Busy until the other rank warns, long before its patience ends, and then forever.
                for _ in 0..<3000 where warnings.all.isEmpty { Thread.sleep(forTimeInterval: 0.01) }
                _ = try world.sum([2])
                isToGoOn.wait()
                _ = try world.sum([2])
            } catch { words.append("\(error)") }
            hasEnded.signal()
        }.start()
        let world = try Self.world(0, port: port, warnings)
        #expect(try world.sum([1]) == [3] && warnings.all.isEmpty)
        #expect(try world.sum([1]) == [3])
        let behind = "rank 1: gives signs of life but does not come to collective"
        #expect(warnings.all.count == 1 && warnings.all[0].hasPrefix("warning: \(behind) 2, in which"))
        let error = #expect(throws: WorldError.self) { try world.sum([1]) }
        #expect(error == .stuck(ranks: [1], begun: 2, seconds: 8))
        #expect(warnings.all.count == 2 && warnings.all[1].hasPrefix("warning: \(behind) 3, in which"))
        // It reads the message that the other rank published meanwhile.
        Thread.sleep(forTimeInterval: 1)
        isToGoOn.signal()
        hasEnded.wait()
        #expect(words.all.count == 1 && words.all[0].hasPrefix("\(behind) 3, in which"), "\(words.all)")
    }
}
