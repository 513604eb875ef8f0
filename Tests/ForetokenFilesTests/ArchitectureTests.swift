import Foundation
import Testing

/// Imports run one way: Documentation/Architecture.md names the targets from the lowest to the highest.
struct ArchitectureTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The targets in the order of the table, and whether each may need LibTorch.
    private static func rooms() throws -> [(target: String, needsTorch: Bool)] {
        try text("Documentation/Architecture.md").split(separator: "\n").flatMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 3, cells[0].hasPrefix("`") else { return [(target: String, needsTorch: Bool)]() }
            return cells[0].matches(of: /`([\w-]+)`/).map { (String($0.1), cells[2] == "yes") }
        }
    }

    /// The non-test targets of Package.swift and their dependencies.
    private static func dependencies() throws -> [String: Set<String>] {
        let package = try text("Package.swift")
        let declarations = package.matches(
            of:
                /(?:library\(\s*|\.(?:target|executableTarget|systemLibrary)\(\s*name: )"([\w-]+)"((?s).*?)(?=\n        (?:library\(|\.target|\.executableTarget|\.systemLibrary|tests\(|\/\/)|\n    \])/
        )
        var result: [String: Set<String>] = [:]
        for match in declarations where !match.1.isEmpty && match.1 != "TestSupport" {
            let list = match.2.firstMatch(of: /dependencies: \[((?s).*?)\n?\s*\]\)?,?/)?.1 ?? ""
            let plain = String(list).replacing(/(?:\.product|server)\([^)]*\)|condition: \.when\([^)\n]*/, with: "")
            result[String(match.1)] = Set(plain.matches(of: /"([\w-]+)"/).map { String($0.1) })
        }
        return result
    }

    private static func imports(of target: String) throws -> [(file: String, module: String)] {
        let folder = root.appendingPathComponent("Sources/\(target)")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var result: [(file: String, module: String)] = []
        while let url = files?.nextObject() as? URL {
            guard url.pathExtension == "swift" else { continue }
            let source = try String(contentsOf: url, encoding: .utf8)
            for match in source.matches(
                of: /(?m)^(?:@\w+ )?(?:(?:public|package|internal|private|fileprivate) )?import (\w+)/)
            {
                result.append((url.lastPathComponent, String(match.1)))
            }
        }
        return result
    }

    @Test func everyTargetHasItsPlaceInTheTable() throws {
        let known = Set(try Self.rooms().map(\.target))
        let targets = Set(try Self.dependencies().keys)
        #expect(targets.count >= 12, "Package.swift is no longer read as it is written")
        #expect(targets.symmetricDifference(known) == [])
    }

    @Test func dependenciesRunUpTheTable() throws {
        let order = try Self.rooms().map(\.target)
        for (target, dependencies) in try Self.dependencies() {
            let place = try #require(order.firstIndex(of: target))
            for dependency in dependencies {
                let other = try #require(order.firstIndex(of: dependency), "\(target) depends on \(dependency)")
                #expect(other < place, "\(target) depends on \(dependency), which stands below it")
            }
        }
    }

    @Test func importsRunUpTheTableAndAreDeclared() throws {
        let (rooms, dependencies) = (try Self.rooms(), try Self.dependencies())
        let order = rooms.map(\.target)
        var checked = 0
        for (place, target) in order.enumerated() {
            for (file, module) in try Self.imports(of: target) {
                guard let other = order.firstIndex(of: module) else { continue }
                #expect(other < place, "\(target)/\(file) imports \(module), which stands below it")
                #expect(
                    dependencies[target]?.contains(module) == true, "\(target)/\(file) imports \(module) undeclared")
                checked += 1
            }
        }
        #expect(checked > 100)
    }

    /// Targets without LibTorch do not depend on targets with it.
    @Test func theRoomsWithoutLibTorchStayWithout() throws {
        let needs = Dictionary(uniqueKeysWithValues: try Self.rooms().map { ($0.target, $0.needsTorch) })
        for (target, dependencies) in try Self.dependencies() where needs[target] == false {
            #expect(dependencies.allSatisfy { needs[$0] == false }, "\(target)")
        }
    }
}
