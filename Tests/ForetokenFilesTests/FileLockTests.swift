import Foundation
import Testing

@testable import ForetokenFiles

@Suite struct FileLockTests {
    private let file = FileManager.default.temporaryDirectory.appendingPathComponent("lock-\(UUID().uuidString)")

    @Test func aLockIsHeldUntilItsObjectGoes() throws {
        defer { try? FileManager.default.removeItem(at: file) }
        var lock = try FileLock.take(file)
        #expect(lock != nil)
        #expect(try FileLock.take(file) == nil)
        #expect(FileLock.holder(of: file) == "\(ProcessInfo.processInfo.processIdentifier)")
        lock = nil
        #expect(try FileLock.take(file) != nil)
    }

    @Test func aFolderThatIsNotThereIsAnError() {
        #expect(throws: FileFailure.self) { try FileLock.take(file.appendingPathComponent("lock")) }
        #expect(FileLock.holder(of: file) == nil)
    }

    /// The first outputs for the seed 1234567, from the authors' own code (prng.di.unimi.it/splitmix64.c).
    @Test func splitMix64GivesItsAuthorsNumbers() {
        var generator = SplitMix64(seed: 1_234_567)
        #expect(
            (0..<5).map { _ in generator.next() } == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }
}
