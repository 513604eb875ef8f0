import Foundation
import Testing

/// Two simulated hosts: connected network namespaces.
private final class Hosts {
    let names: [String]
    let addresses = ["10.77.9.1", "10.77.9.2"]
    private let cables: [String]

    init() throws {
        let id = String(getpid() % 100_000)
        (names, cables) = (["ft\(id)a", "ft\(id)b"], ["fv\(id)a", "fv\(id)b"])
        var lines = names.map { "ip netns add \($0)" }
        lines.append("ip link add \(cables[0]) type veth peer name \(cables[1])")
        for host in 0...1 {
            lines += [
                "ip link set \(cables[host]) netns \(names[host])",
                "ip -n \(names[host]) addr add \(addresses[host])/24 dev \(cables[host])",
                "ip -n \(names[host]) link set \(cables[host]) up", "ip -n \(names[host]) link set lo up",
            ]
        }
        let result = try Command.shell(lines.joined(separator: " && "))
        try #require(result.code == 0, "\(result.errors)")
    }

    deinit { _ = try? Command.shell("ip netns del \(names[0]); ip netns del \(names[1])") }

    func prefix(_ host: Int) -> [String] { ["ip", "netns", "exec", names[host]] }

    /// Drops all packets to the host, without an error for the senders.
    func cutOff(_ host: Int) throws {
        #expect(try Command.shell("ip -n \(names[host]) link set \(cables[host]) down").code == 0)
    }

    static let mayBe: Bool = {
        let id = "ft\(getpid() % 100_000)t"
        let line = "ip netns add \(id) && ip -n \(id) link add \(id) type veth && ip netns del \(id)"
        return (try? Command.shell(line))?.code == 0
    }()
}

/// Ranks on several hosts with different addresses.
@Suite(.serialized, .enabled(if: Hosts.mayBe, "network namespaces need root and iproute2"))
struct HostTests {
    private let place: Workplace
    private let hosts: Hosts

    init() throws {
        place = try Workplace()
        hosts = try Hosts()
    }

    private func start(_ recipe: String, timeout: Int) throws -> Ranks {
        try Ranks(
            [0, 1], of: 2, in: place, port: 29_500, address: hosts.addresses[0], prefix: hosts.prefix
        ) { _ in ["train", recipe, "--out", place.path("run"), "--timeout", "\(timeout)"] }
    }

    @Test func twoHostsTrainTheRunOfOneProcess() throws {
        let recipe = try place.sharedRecipe(steps: 5)
        let ranks = try start(recipe, timeout: 60)
        #expect(ranks.end(within: 120))
        #expect(ranks.processes.allSatisfy { $0.terminationStatus == 0 }, "\(ranks.errors(0)) \(ranks.errors(1))")
        #expect(try Command.run("train", recipe, "--out", place.path("whole")).code == 0)
        #expect(difference(try place.curve("whole"), try place.curve("run")) < 1e-5)
    }

    @Test func aHostThatIsCutOffEndsTheRunOnBothSides() throws {
        let recipe = try place.sharedRecipe(steps: 1_000_000)
        let ranks = try start(recipe, timeout: 5)
        #expect(Workplace.wait { FileManager.default.fileExists(atPath: place.path("run/latest")) })
        try hosts.cutOff(1)
        #expect(ranks.end(within: 120))
        #expect(ranks.processes.allSatisfy { $0.terminationStatus == 1 })
        #expect(ranks.errors(0).contains("rank 1: no sign of life for 5 s"), "\(ranks.errors(0))")
        #expect(
            ranks.errors(1).contains("the ranks' store at \(hosts.addresses[0]):29500 does not answer any more"),
            "\(ranks.errors(1))")
        #expect(try Command.run("generate", "--model", place.path("run"), "--max-tokens", "2").code == 0)
    }
}
