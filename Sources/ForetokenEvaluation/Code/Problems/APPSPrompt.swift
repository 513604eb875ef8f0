/// The two-shot prompt of APPS: two solved problems of the same kind, then the question in the benchmark's layout.
///
/// The multi-token prediction paper (section 3.1) uses the two-shot setting of Code Llama (arXiv 2308.12950). Neither paper
/// publishes its examples; these are Foretoken's own.
enum APPSPrompt {
    /// A solved problem.
    struct Example {
        let question: String
        let starter: String
        let answer: String
    }

    static func text(question: String, starter: String, isCallBased: Bool) -> String {
        let examples = isCallBased ? callBased : standardInput
        return examples.map { block($0.question, $0.starter, isCallBased) + $0.answer + "\n" }.joined()
            + block(question, starter, isCallBased)
    }

    /// A question in the format of the benchmark's own script.
    private static func block(_ question: String, _ starter: String, _ isCallBased: Bool) -> String {
        "\nQUESTION:\n\(question)\n\(starter.isEmpty ? "" : starter + "\n")"
            + "Use \(isCallBased ? "Call-Based" : "Standard Input") format\nANSWER:\n"
    }

    static let standardInput = [
        Example(
            question: """
                Vera has n boxes of apples and wants to know by how many apples the fullest box exceeds the emptiest one.

                -----Input-----

                The first line has one integer n (1 ≤ n ≤ 1000). The second line has n integers, the apples in each box.

                -----Output-----

                Print one integer, the difference.

                -----Examples-----
                Input
                4
                3 8 5 2

                Output
                6
                """, starter: "",
            answer: """
                n = int(input())
                apples = list(map(int, input().split()))
                print(max(apples) - min(apples))
                """),
        Example(
            question: """
                A word is calm if no two letters next to each other are equal. For each of t words, tell how many letters have to \
                be removed, at the least, to make it calm.

                -----Input-----

                The first line has one integer t (1 ≤ t ≤ 100). Each of the next t lines has a word of lower-case letters.

                -----Output-----

                For each word print one integer on a line of its own.

                -----Examples-----
                Input
                2
                aabb
                abc

                Output
                2
                0
                """, starter: "",
            answer: """
                t = int(input())
                for _ in range(t):
                    word = input().strip()
                    print(sum(1 for a, b in zip(word, word[1:]) if a == b))
                """),
    ]

    static let callBased = [
        Example(
            question: """
                Write a function that takes a list of numbers and returns the sum of the squares of those that are positive.

                Example: [1, -2, 3] gives 10.
                """, starter: "def sum_of_squares(numbers):\n\t",
            answer: """
                def sum_of_squares(numbers):
                    return sum(x * x for x in numbers if x > 0)
                """),
        Example(
            question: """
                Given a string s, return True if it reads the same forwards and backwards when everything but its letters and \
                digits is left out and case does not matter.

                Example:
                Input: "Never odd or even"
                Output: True
                """, starter: "class Solution:\n    def isPalindrome(self, s: str) -> bool:\n        ",
            answer: """
                class Solution:
                    def isPalindrome(self, s: str) -> bool:
                        kept = [c.lower() for c in s if c.isalnum()]
                        return kept == kept[::-1]
                """),
    ]
}
