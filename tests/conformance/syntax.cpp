#include "syntax.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "tokens.hpp"

namespace gradtape::conformance {
namespace {

NodePtr make(Node node) { return std::make_shared<const Node>(std::move(node)); }
NodePtr make_constant(Value value) {
  Node node{Kind::constant};
  node.value = std::move(value);
  return make(std::move(node));
}

/// A parser by recursive descent, one function a level of precedence.
class Parser {
 public:
  explicit Parser(const std::string& text) : tokens_(tokenize(text)) {
    if (tokens_.size() > 5000) syntax_error(tokens_[5000].at, "it is too long");
  }

  NodePtr run() {
    NodePtr node = tuple_or_one();
    if (token().kind != Token::Kind::end) unexpected();
    return node;
  }

 private:
  // ---- tokens ----

  const Token& token(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool is(std::string_view text, std::size_t ahead = 0) const {
    const Token& t = token(ahead);
    return (t.kind == Token::Kind::symbol || t.kind == Token::Kind::name) && t.text == text;
  }
  bool accept(std::string_view text) {
    if (!is(text)) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view text) {
    if (!accept(text))
      syntax_error(token().at, fmt::format("expected '{}', got '{}'", text, token().text));
  }
  [[noreturn]] void unexpected() const {
    syntax_error(token().at, fmt::format("'{}' is unexpected", token().text));
  }
  std::string identifier() {
    static const std::set<std::string> keywords = {"lambda", "if", "else", "for",  "in",    "not",
                                                   "and",    "or", "is",   "True", "False", "None"};
    if (token().kind != Token::Kind::name || keywords.contains(token().text)) unexpected();
    return tokens_[at_++].text;
  }

  // ---- from loosely to tightly binding ----

  /// a, b, *c   or   a
  NodePtr tuple_or_one() {
    NodePtr first = item();
    if (!is(",") && first->kind != Kind::starred) return first;
    Node tuple{Kind::tuple, {}, {first}};
    while (accept(",")) {
      if (is(")") || is("]") || token().kind == Token::Kind::end) break;
      tuple.children.push_back(item());
    }
    return make(std::move(tuple));
  }

  NodePtr item() {
    if (accept("*")) return make({Kind::starred, {}, {bit_or()}});
    return named();
  }

  NodePtr named() {
    if (token().kind == Token::Kind::name && is(":=", 1)) {
      const auto name = identifier();
      expect(":=");
      return make({Kind::walrus, name, {expression()}});
    }
    return expression();
  }

  NodePtr expression() {
    struct Depth {
      explicit Depth(Parser& parser) : parser(parser) {
        if (++parser.depth_ > 200) syntax_error(parser.token().at, "it is nested too deeply");
      }
      ~Depth() { --parser.depth_; }
      Parser& parser;
    } const depth(*this);
    if (accept("lambda")) return lambda();
    NodePtr then = either();
    if (!accept("if")) return then;
    NodePtr condition = either();
    expect("else");
    return make({Kind::conditional, {}, {then, condition, expression()}});
  }

  NodePtr lambda() {
    Node node{Kind::lambda};
    bool defaults = false;
    while (!is(":")) {
      const bool rest = accept("*");
      node.names.push_back((rest ? "*" : "") + identifier());
      node.children.push_back(accept("=") ? expression() : nullptr);
      if (defaults && !rest && !node.children.back())
        syntax_error(token().at, "a parameter without a default follows one with a default");
      defaults = node.children.back() != nullptr;
      if (!is(":")) expect(",");
    }
    expect(":");
    node.children.push_back(expression());
    return make(std::move(node));
  }

  NodePtr either() {
    NodePtr left = both();
    while (accept("or")) left = make({Kind::logic, "or", {left, both()}});
    return left;
  }

  NodePtr both() {
    NodePtr left = negation();
    while (accept("and")) left = make({Kind::logic, "and", {left, negation()}});
    return left;
  }

  NodePtr negation() {
    int count = 0;
    while (accept("not")) ++count;
    NodePtr node = comparison();
    for (; count; --count) node = make({Kind::unary, "not", {node}});
    return node;
  }

  NodePtr comparison() {
    Node chain{Kind::compare, {}, {bit_or()}};
    while (auto op = comparison_operator()) {
      chain.names.push_back(*op);
      chain.children.push_back(bit_or());
    }
    return chain.names.empty() ? chain.children[0] : make(std::move(chain));
  }

  std::optional<std::string> comparison_operator() {
    for (const char* op : {"<=", ">=", "==", "!=", "<", ">", "in"})
      if (accept(op)) return op;
    if (is("not") && is("in", 1)) return at_ += 2, "not in";
    if (accept("is")) return accept("not") ? "is not" : "is";
    return {};
  }

  /// Operators of one level, which bind to the left.
  template <class Next> NodePtr binary(std::initializer_list<const char*> operators, Next next) {
    NodePtr left = next();
    for (;;) {
      const auto op = std::find_if(operators.begin(), operators.end(),
                                   [&](const char* o) { return accept(o); });
      if (op == operators.end()) return left;
      left = make({Kind::binary, *op, {left, next()}});
    }
  }

  NodePtr bit_or() {
    return binary({"|"}, [&] { return bit_xor(); });
  }
  NodePtr bit_xor() {
    return binary({"^"}, [&] { return bit_and(); });
  }
  NodePtr bit_and() {
    return binary({"&"}, [&] { return shift(); });
  }
  NodePtr shift() {
    return binary({"<<", ">>"}, [&] { return sum(); });
  }
  NodePtr sum() {
    return binary({"+", "-"}, [&] { return product(); });
  }
  NodePtr product() {
    return binary({"*", "/", "//", "%", "@"}, [&] { return sign(); });
  }

  NodePtr sign() {
    std::vector<const char*> signs;
    for (bool found = true; found;) {
      found = false;
      for (const char* op : {"-", "+", "~"})
        if (accept(op)) {
          signs.push_back(op);
          found = true;
        }
    }
    NodePtr node = power();
    for (; !signs.empty(); signs.pop_back()) node = make({Kind::unary, signs.back(), {node}});
    return node;
  }

  NodePtr power() {
    NodePtr base = primary();
    if (!accept("**")) return base;
    return make({Kind::binary, "**", {base, sign()}});
  }

  NodePtr primary() {
    NodePtr node = atom();
    for (;;) {
      if (accept(".")) {
        node = make({Kind::attribute, identifier(), {node}});
      } else if (accept("[")) {
        node = make({Kind::subscript, {}, {node, index()}});
        expect("]");
      } else if (accept("(")) {
        node = call(node);
      } else {
        return node;
      }
    }
  }

  NodePtr call(const NodePtr& callee) {
    Node node{Kind::call, {}, {callee}};
    while (!accept(")")) {
      if (accept("**")) {
        syntax_error(token().at, "** in a call is not covered");
      } else if (token().kind == Token::Kind::name && is("=", 1)) {
        node.names.push_back(identifier());
        expect("=");
        node.children.push_back(expression());
      } else {
        NodePtr argument = item();
        if (is("for")) argument = comprehension(argument);
        node.names.emplace_back();
        node.children.push_back(argument);
      }
      if (!is(")")) expect(",");
    }
    return make(std::move(node));
  }

  NodePtr index() {
    NodePtr first = index_item();
    if (!is(",")) return first;
    Node tuple{Kind::tuple, {}, {first}};
    while (accept(",") && !is("]")) tuple.children.push_back(index_item());
    return make(std::move(tuple));
  }

  NodePtr index_item() {
    NodePtr bounds[3];
    if (!is(":")) bounds[0] = item();
    if (!is(":")) return bounds[0];
    for (int i = 1; i < 3 && accept(":"); ++i)
      if (!is(":") && !is(",") && !is("]")) bounds[i] = expression();
    return make({Kind::slice, {}, {bounds[0], bounds[1], bounds[2]}});
  }

  NodePtr comprehension(const NodePtr& element) {
    Node node{Kind::comprehension, {}, {element}};
    while (accept("for")) {
      NodePtr target = loop_target();
      expect("in");
      Node loop{Kind::loop, {}, {target, either()}};
      while (accept("if")) loop.children.push_back(either());
      node.children.push_back(make(std::move(loop)));
    }
    return make(std::move(node));
  }

  NodePtr loop_target() {
    NodePtr first = loop_target_item();
    if (!is(",")) return first;
    Node tuple{Kind::tuple, {}, {first}};
    while (accept(",") && !is("in") && !is(")")) tuple.children.push_back(loop_target_item());
    return make(std::move(tuple));
  }

  NodePtr loop_target_item() {
    if (!accept("(")) return make({Kind::name, identifier()});
    NodePtr target = loop_target();
    expect(")");
    return target;
  }

  NodePtr atom() {
    const Token& t = token();
    switch (t.kind) {
      case Token::Kind::number:
        ++at_;
        return number(t);
      case Token::Kind::string: {
        std::string text;
        while (token().kind == Token::Kind::string) text += tokens_[at_++].text;
        return make_constant(text);
      }
      case Token::Kind::name:
        if (accept("True")) return make_constant(true);
        if (accept("False")) return make_constant(false);
        if (accept("None")) return make_constant({});
        return make({Kind::name, identifier()});
      case Token::Kind::symbol:
        if (accept("...")) return make_constant(Ellipsis{});
        if (accept("(")) return parenthesised();
        if (accept("[")) return list();
        break;
      case Token::Kind::end:
        break;
    }
    unexpected();
  }

  NodePtr parenthesised() {
    if (accept(")")) return make({Kind::tuple});
    NodePtr node = tuple_or_one();
    if (is("for")) node = comprehension(node);
    expect(")");
    return node;
  }

  NodePtr list() {
    Node node{Kind::list};
    if (accept("]")) return make(std::move(node));
    NodePtr first = item();
    if (is("for")) {
      NodePtr loop = comprehension(first);
      expect("]");
      return make({Kind::list, {}, {make({Kind::starred, {}, {loop}})}});
    }
    node.children.push_back(first);
    while (accept(",") && !is("]")) node.children.push_back(item());
    expect("]");
    return make(std::move(node));
  }

  static NodePtr number(const Token& token) {
    const std::string& text = token.text;
    int base = 10;
    std::size_t skip = 0;
    if (text.size() > 1 && text[0] == '0' && !std::isdigit(static_cast<unsigned char>(text[1])) &&
        text[1] != '.' && text[1] != 'e' && text[1] != 'E') {
      base = text[1] == 'b' ? 2 : text[1] == 'o' ? 8 : 16;
      skip = 2;
    }
    const char* const end = text.data() + text.size();
    std::int64_t integer = 0;
    if (const auto [stop, error] = std::from_chars(text.data() + skip, end, integer, base);
        error == std::errc() && stop == end)
      return make_constant(integer);
    double floating = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, floating);
    if (error == std::errc::result_out_of_range)  // Python rounds to inf and 0
      return make_constant(std::strtod(text.c_str(), nullptr));
    if (error != std::errc() || stop != end)
      syntax_error(token.at, fmt::format("'{}' is no number", text));
    return make_constant(floating);
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

NodePtr parse(const std::string& expression) { return Parser(expression).run(); }

}  // namespace gradtape::conformance
