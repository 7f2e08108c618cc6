vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO gradtape/gradtape
    REF "v${VERSION}"
    SHA512 @SHA512@
    HEAD_REF main
)

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
    FEATURES
        blas GRADTAPE_BLAS
        onednn GRADTAPE_ONEDNN
        openmp GRADTAPE_OPENMP
)

# baseline: what every machine of the triplet's architecture runs
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${FEATURE_OPTIONS}
        -DGRADTAPE_ARCH=baseline
        -DGRADTAPE_FETCH=OFF
        -DGRADTAPE_MPI=OFF
        -DGRADTAPE_TESTS=OFF
        -DGRADTAPE_EXAMPLES=OFF
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/gradtape)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE
    "${CURRENT_PACKAGES_DIR}/debug/include"
    "${CURRENT_PACKAGES_DIR}/debug/share"
    "${CURRENT_PACKAGES_DIR}/share/licenses"
)
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
