#include <gradtape/autograd/autograd.hpp>
#include <gradtape/autograd/opencv.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace gradtape;

TEST_CASE("OpenCV: a matrix of floats is shared, and kept alive") {
  Tensor x;
  const float* at = nullptr;
  {
    cv::Mat m(2, 3, CV_32FC3);
    for (int i = 0; i < 18; ++i) m.ptr<float>()[i] = static_cast<float>(i);
    at = m.ptr<float>();
    x = from_opencv(m);
    CHECK(m.u->refcount == 2);
  }
  CHECK(x.data<float>().data() == at);
  CHECK(array_equal(x, reshape(arange(18, float32), {2, 3, 3})));

  cv::Mat kept(4, 5, CV_64F, cv::Scalar(2));
  x = from_opencv(kept);
  CHECK(array_equal(x, full({4, 5}, 2, float64)));
  x = {};
  CHECK(kept.u->refcount == 1);
  CHECK(from_opencv(cv::Mat(), float32).shape() == Shape{0, 0});
}

TEST_CASE("OpenCV: parts of matrices, and memory that a matrix does not own, are copied") {
  cv::Mat m(3, 4, CV_64F);
  for (int i = 0; i < 12; ++i) m.ptr<double>()[i] = i;
  const cv::Mat part = m(cv::Rect(1, 1, 2, 2));
  CHECK_FALSE(part.isContinuous());
  CHECK(array_equal(from_opencv(part), tensor({{5, 6}, {9, 10}}, float64)));
  CHECK(from_opencv(m.rowRange(1, 3)).raw() == m.ptr<double>(1));

  std::vector<float> values{1, 2, 3, 4};
  const Tensor x = from_opencv(cv::Mat(2, 2, CV_32F, values.data()));
  values[0] = 9;
  CHECK(array_equal(x, tensor({{1., 2.}, {3., 4.}})));
  const int sizes[] = {2, 1, 3};
  CHECK(from_opencv(cv::Mat(3, sizes, CV_32F, cv::Scalar(0))).shape() == Shape{2, 1, 3});
}

TEST_CASE("OpenCV: bytes and other depths are converted where a dtype is given") {
  const cv::Mat bytes = (cv::Mat_<unsigned char>(2, 2) << 0, 1, 254, 255);
  CHECK_THROWS_WITH_AS(
      (void)from_opencv(bytes),
      "from_opencv: the elements are CV_8U, and only CV_32F and CV_64F are shared; "
      "copy them as another dtype, from_opencv(image, float32)",
      DtypeError);
  CHECK(array_equal(from_opencv(bytes, float32), tensor({{0., 1.}, {254., 255.}})));
  CHECK(array_equal(from_opencv(bytes, Dtype::int64), tensor({{0, 1}, {254, 255}})));
  CHECK(array_equal(from_opencv(bytes, bool_), tensor({{false, true}, {true, true}})));
  CHECK(array_equal(from_opencv(bytes.colRange(1, 2), float64), tensor({{1}, {255}}, float64)));
  CHECK(
      array_equal(from_opencv((cv::Mat_<short>(1, 2) << -5, 7), Dtype::int64), tensor({{-5, 7}})));
  CHECK(array_equal(from_opencv((cv::Mat_<double>(1, 2) << -5.5, 7), Dtype::int64),
                    tensor({{-5, 7}})));
  CHECK_THROWS_AS((void)from_opencv(cv::Mat(1, 1, CV_16F), float32), DtypeError);
}

TEST_CASE("OpenCV: images go out as copies") {
  const Tensor x = reshape(arange(12, float32), {2, 2, 3});
  const cv::Mat m = to_opencv(x);
  CHECK(m.type() == CV_32FC3);
  CHECK(m.at<cv::Vec3f>(1, 0)[2] == 8);
  CHECK(m.ptr<float>() != x.data<float>().data());
  CHECK(array_equal(from_opencv(m), x));
  CHECK(to_opencv(ones({2, 3}, float64)).type() == CV_64FC1);
  const cv::Mat mask = to_opencv(tensor({{true, false}}));
  CHECK((mask.type() == CV_8UC1 && mask.at<unsigned char>(0, 0) == 255 &&
         mask.at<unsigned char>(0, 1) == 0));
  CHECK_THROWS_WITH_AS(
      (void)to_opencv(ones({3})),
      "to_opencv: needs [rows, columns] or [rows, columns, channels] with 1 to 512 "
      "channels, got [3]",
      ShapeError);
  CHECK_THROWS_WITH_AS((void)to_opencv(ones({1, 1}, Dtype::int64)),
                       "to_opencv: OpenCV has no matrices of int64; convert with to(float32)",
                       DtypeError);
}
