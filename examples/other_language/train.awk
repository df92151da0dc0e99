# Fits stopping distance to speed by gradient descent with momentum, and prints the error of each
# epoch as name=value. Alone: awk -f train.awk lr=0.1 momentum=0.5 cars.csv
# A program in any language takes part in a sweep if it prints what it finds, line by line.
BEGIN { FS = "," }
FNR > 1 {
    speed[++n] = $1 / 25  # scaled to about 0..1
    distance[n] = $2 / 120
}
END {
    epochs = ENVIRON["SWEEPER_MAX_STEPS"] ? ENVIRON["SWEEPER_MAX_STEPS"] : 27
    for (epoch = 1; epoch <= epochs; epoch++) {
        slope_gradient = offset_gradient = squares = 0
        for (i = 1; i <= n; i++) {
            error = offset + slope * speed[i] - distance[i]
            slope_gradient += 2 * error * speed[i] / n
            offset_gradient += 2 * error / n
            squares += error * error
        }
        slope_step = momentum * slope_step - lr * slope_gradient
        offset_step = momentum * offset_step - lr * offset_gradient
        slope += slope_step
        offset += offset_step
        printf "epoch=%d rmse_feet=%.6f\n", epoch, 120 * sqrt(squares / n)
        fflush()  # or it stays in a buffer until the end
    }
}
