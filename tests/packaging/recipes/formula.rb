# ruby formula.rb FORMULA: prints as JSON what the formula says, with as much of Homebrew as that takes.
require "json"

class Formula
  TOLD = { "depends_on" => [] }
  def self.inherited(_) = nil
  %w[desc homepage url sha256 license head].each do |field|
    define_singleton_method(field) { |value, **| TOLD[field] ||= value }
  end
  def self.depends_on(what) = TOLD["depends_on"] << (what.is_a?(Hash) ? what.keys.first : what)
  def self.uses_from_macos(what) = depends_on(what)
  def self.on_macos = yield
  def self.on_linux = yield
  def self.test = nil

  # A resource has fields of the same names.
  def self.resource(name)
    depends_on(name)
    yield
  end
end

load ARGV.fetch(0)
puts JSON.generate(Formula::TOLD)
